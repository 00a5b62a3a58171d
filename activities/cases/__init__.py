"""Notices to people, and the cases that systems and receivers in trouble open."""
