"""Tables of EDIFACT as text."""
