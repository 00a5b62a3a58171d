"""The cost of inputs, and the health of a workflow in Temporal."""
