"""Inventory reports and forecasts on their way into the books."""
