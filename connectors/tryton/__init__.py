"""Tryton 8: its warehouses and sales over its REST API, as user application."""
