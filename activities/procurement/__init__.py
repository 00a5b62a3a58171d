"""What purchase orders and replenishments ask of database and systems."""
