"""Shared parts of all workflows: inputs, steps, effect lanes, deadlines, retries."""
