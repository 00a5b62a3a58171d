"""The path of every request: middleware, limits, authentication, problems, the inbox writer."""
