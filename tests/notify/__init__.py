"""Alerts and customer messages."""
