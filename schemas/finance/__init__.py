"""Accounts, reconciliation, the audit of our own books, what an ERP is told in bulk."""
