"""Master data, asked of its owners."""
