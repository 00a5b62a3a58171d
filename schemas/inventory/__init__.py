"""Inventory reports, stock, expected supply, promising."""
