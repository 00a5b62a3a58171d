"""The calls of Temporal that dispatching makes."""
