"""Accounts, reconciliation, the audit of our own books, bulk messages to an ERP."""
