"""Purchase orders and replenishments."""
