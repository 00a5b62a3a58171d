"""Forecast accuracy, open demand, the re-plan governor."""
