"""Partners, their keys, sessions, and master data of owners."""
