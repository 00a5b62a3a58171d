"""The messages that cross a boundary: one frozen pydantic model for each, no logic beyond validation."""
