"""Syncline's own REST dialect: what a system speaks that has no dialect of its own. See docs/contracts."""
