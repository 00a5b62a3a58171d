"""Procurement documents on their way to purchase orders."""
