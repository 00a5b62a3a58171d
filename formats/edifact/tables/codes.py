"""EDIFACT codes that mappings read and write, in our own words; and lists that are complete."""

CHECKED: dict[str, frozenset[str]] = {}
