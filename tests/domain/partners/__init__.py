"""Partners and their connections."""
