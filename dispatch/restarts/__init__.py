"""Workflows begun again from PostgreSQL."""
