"""One class for each kind of connected system."""
