"""From a decision to the record of it."""
