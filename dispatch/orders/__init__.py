"""Preparation of a release before its workflow starts: promise, units, days."""
