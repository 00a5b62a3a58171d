"""Documents: read, written, acknowledged, and every wrong byte found."""
