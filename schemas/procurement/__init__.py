"""Procurement documents, purchase orders, replenishment proposals."""
