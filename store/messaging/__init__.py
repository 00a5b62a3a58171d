"""Messages and workflows: inbox, events, signals, heads, verdicts, effects."""
