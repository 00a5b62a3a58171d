"""Logs, figures and health of every process."""
