"""From the inbox to workflows: the order of a message, and the hand-over to its workflow. Runs in the worker."""
