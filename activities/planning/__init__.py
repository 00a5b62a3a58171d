"""The planning feed, the governor, what planning is told beside movements."""
