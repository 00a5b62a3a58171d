"""The exception case, and the notices to people."""
