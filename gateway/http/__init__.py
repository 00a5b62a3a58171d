"""What every request passes: middleware, limits, authentication, problems, the inbox writer."""
