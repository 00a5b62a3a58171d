"""The planning feed and the re-plan governor."""
