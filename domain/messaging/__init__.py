"""What inputs cost, and what Temporal says of a workflow."""
