"""From the inbox to workflows: which order a message concerns, and how its workflow hears of it. Runs in the worker."""
