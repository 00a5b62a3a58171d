"""Real systems beside Syncline: `make interop` installs them, starts them, and compares their own records."""
