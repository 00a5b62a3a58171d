"""Reconciliation, freight, the audit of our own books."""
