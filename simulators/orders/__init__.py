"""Orders of a run: from a history file, or made up."""
