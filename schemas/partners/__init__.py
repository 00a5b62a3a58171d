"""Master data as its owners answer for it."""
