"""Promises kept in step."""
