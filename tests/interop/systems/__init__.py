"""Real systems that tests start: each installs itself from a registry into a folder of its own, once."""
