"""Reconciliation, the audit trail, the audit of our own books."""
