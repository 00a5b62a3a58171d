"""Generators: a new connector, step or workflow with its tests, its registrations and its rows in the documents."""
