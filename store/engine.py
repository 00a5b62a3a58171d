"""The connection pool. One transaction per boundary: callers open it here, helpers never commit."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Self

from psycopg import AsyncConnection
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool

Connection = AsyncConnection[DictRow]
STATEMENT_TIMEOUT_MS = 15_000
WAIT_FOR_CONNECTION_S = 10.0


class Database:
    """A pool of connections to PostgreSQL. Use as an async context manager."""

    def __init__(self, url: str, size: int = 12) -> None:
        self.url = url
        self._pool: AsyncConnectionPool[Connection] = AsyncConnectionPool(
            url,
            min_size=2,
            max_size=size,
            timeout=WAIT_FOR_CONNECTION_S,
            open=False,
            kwargs={
                "autocommit": True,
                "row_factory": dict_row,
                "options": f"-c statement_timeout={STATEMENT_TIMEOUT_MS} -c timezone=UTC",
                "application_name": "syncline",
            },
        )

    async def __aenter__(self) -> Self:
        await self._pool.open(wait=True)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._pool.close()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """One transaction: commits when the block ends, rolls back when it raises."""
        async with self._pool.connection() as connection, connection.transaction():
            yield connection

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """A connection in autocommit: for single statements."""
        async with self._pool.connection() as connection:
            yield connection

    async def ping(self) -> None:
        """Raises when the database cannot answer."""
        async with self.connection() as connection:
            await connection.execute("SELECT 1")

    def stats(self) -> dict[str, Any]:
        """Pool figures for /metrics."""
        return dict(self._pool.get_stats())
