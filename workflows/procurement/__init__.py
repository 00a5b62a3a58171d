"""The purchase order and the replenishment."""
