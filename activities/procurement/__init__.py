"""Activities of purchase orders and replenishments: database and systems."""
