"""The database steps of workflows."""
