"""The planning buffer, demand, forecasts, the governor's books, proposals."""
