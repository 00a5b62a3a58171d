"""Master data that messages name."""
