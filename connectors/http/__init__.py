"""The one HTTP client of connected systems."""
