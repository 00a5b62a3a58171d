"""The connection pool. One transaction per boundary: callers open it here, helpers never commit."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Self

from psycopg import AsyncConnection
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool

from store.seals import Seals

STATEMENT_TIMEOUT_MS = 15_000
"""Milliseconds for a statement: longer than any that is meant, shorter than a person waits."""
WAIT_FOR_CONNECTION_S = 10.0
"""Seconds to wait for a connection of the pool before the caller must come back."""


class Connection(AsyncConnection[DictRow]):
    """A connection of a pool. `seals`: what audit entries are sealed with."""

    seals: Seals | None = None


class Database:
    """A pool of connections to PostgreSQL. Use as an async context manager.

    Without `seals`, nothing can be written to the audit trail.
    """

    def __init__(self, url: str, size: int = 12, seals: Seals | None = None) -> None:
        self.url = url
        self.seals = seals
        self._pool: AsyncConnectionPool[Connection] = AsyncConnectionPool(
            url,
            connection_class=Connection,
            configure=self._hand_over,
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

    async def _hand_over(self, connection: Connection) -> None:
        connection.seals = self.seals

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

    async def try_to_write(self) -> None:
        """Raises when nothing can be committed now, also because the disk is full.

        A full disk still answers, and even updates rows in place. So a sort is made to write a file, which is gone
        afterwards, and a commit to write to the log.
        """
        async with self.transaction() as connection:
            await connection.execute("SET LOCAL work_mem = '64kB'")
            await connection.execute("SELECT n FROM generate_series(1, 20000) n ORDER BY n DESC OFFSET 20000")
            await connection.execute("SELECT pg_logical_emit_message(true, 'syncline', 'ready?')")

    def stats(self) -> dict[str, Any]:
        """Pool figures for /metrics."""
        return dict(self._pool.get_stats())
