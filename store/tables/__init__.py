"""The tables as SQLModel classes: the shape that Alembic migrates to. `METADATA` has them all."""

from sqlmodel import SQLModel

from store.tables import (
    columns,
    demand,
    forecast,
    freight,
    heads,
    master_data,
    orders,
    partners,
    people,
    planning,
    procurement,
    promising,
    reconciliation,
    stock,
)

__all__ = [
    "METADATA",
    "columns",
    "demand",
    "forecast",
    "freight",
    "heads",
    "master_data",
    "orders",
    "partners",
    "people",
    "planning",
    "procurement",
    "promising",
    "reconciliation",
    "stock",
]

METADATA = SQLModel.metadata
"""Every table: importing this package has read them."""
