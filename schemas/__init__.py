"""What crosses a boundary: one frozen pydantic model per message, no logic beyond validation."""
