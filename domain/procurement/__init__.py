"""The purchase order, its documents and its invoices."""
