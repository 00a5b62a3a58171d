"""Rows of a query as frozen objects, for views."""

from collections.abc import Mapping
from typing import TypeVar

from psycopg.rows import class_row

from store.engine import Connection

Row = TypeVar("Row")


async def rows(
    connection: Connection, kind: type[Row], query: str, parameters: Mapping[str, object] | None = None
) -> list[Row]:
    """The rows of a query, each as one of `kind`."""
    async with connection.cursor(row_factory=class_row(kind)) as cursor:
        await cursor.execute(query.encode(), parameters)
        return await cursor.fetchall()
