"""Projected availability, promises, and the reallocation of reservations."""
