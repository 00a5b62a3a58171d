"""The order and the return."""
