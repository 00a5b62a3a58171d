"""Orders, their parts, and the steps of their workflows."""
