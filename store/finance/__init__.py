"""Accounts, freight, reconciliation, the audit of our own books."""
