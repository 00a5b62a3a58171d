"""Connected systems: one client per system kind behind a Protocol. Replaceable without touching a workflow."""
