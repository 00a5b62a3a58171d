"""Tables of X12 as text."""
