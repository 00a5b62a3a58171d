"""What the API shows, as contracts."""
