"""Watching: no message vanishes, every open workflow makes progress."""
