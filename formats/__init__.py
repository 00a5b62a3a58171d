"""Documents: bytes to messages and back, without I/O, without a clock."""
