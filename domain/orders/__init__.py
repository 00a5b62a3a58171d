"""The order: its lifecycle, its state, and what follows from it."""
