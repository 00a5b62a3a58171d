"""Milestones: what was reported of shipments, which report counts, what the process variant expects."""
