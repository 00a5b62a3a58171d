"""Parties, ownership, and the master data that a message names."""
