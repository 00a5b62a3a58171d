"""The Syncline REST API for systems: what a system speaks that has no standard API of its own. See docs/contracts."""
