"""Reconciliation, and the feed of an ERP."""
