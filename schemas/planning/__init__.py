"""Forecasts, demand signals, the planning feed, the re-plan governor."""
