"""The contracts that the API shows."""
