"""One attempt at a call at a time, over all processes: an advisory lock of PostgreSQL for the call's key.

The locks of a process are those of one connection of its own, so that they cost the pool nothing. A process that dies
lets go of them; one that is stopped, but not dead, keeps them.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Self

from psycopg import AsyncConnection, OperationalError

CONNECT_S = 5
"""The database is near; a lock that waits longer than a call takes is none."""


class CallLocks:
    """Holds keys. Use as an async context manager; it connects when the first key is asked for."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: AsyncConnection | None = None
        self._asking = asyncio.Lock()
        self._held: set[str] = set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._connection is not None:
            await self._connection.close()

    @asynccontextmanager
    async def hold(self, key: str) -> AsyncIterator[bool]:
        """Hold a key while the block runs; False when another attempt holds it. Raises OperationalError when the
        database is away."""
        if key in self._held:
            yield False
            return
        self._held.add(key)
        try:
            mine = await self._ask("SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", key)
            try:
                yield mine
            finally:
                if mine:
                    await self._let_go(key)
        finally:
            self._held.discard(key)

    async def _let_go(self, key: str) -> None:
        try:
            await asyncio.shield(self._ask("SELECT pg_advisory_unlock(hashtextextended(%s, 0))", key))
        except OperationalError:  # with its connection the lock has gone
            return

    async def _ask(self, statement: str, key: str) -> bool:
        async with self._asking:
            if self._connection is None or self._connection.closed:
                self._connection = await AsyncConnection.connect(
                    self._url, autocommit=True, connect_timeout=CONNECT_S, application_name="syncline-locks"
                )
                for other in self._held - {key}:  # those of the connection before are lost: take them again
                    await self._connection.execute("SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", [other])
            cursor = await self._connection.execute(statement.encode(), [key])
            [found] = await cursor.fetchone() or [False]
        return bool(found)
