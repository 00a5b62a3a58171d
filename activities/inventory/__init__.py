"""Promises kept in step with stock and supply."""
