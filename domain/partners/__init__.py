"""Who takes part, who owns what, which master data a message names."""
