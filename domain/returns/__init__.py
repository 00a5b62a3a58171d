"""The return: goods that come back from a customer."""
