"""Generators, and the guide that builds on them."""
