"""LISTEN with what is said: one connection for a process hears which message was decided or settled."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Self

from psycopg import AsyncConnection, OperationalError
from psycopg.sql import SQL, Identifier

RECONNECT_AFTER_S = 1.0
"""Seconds before the listening connection is opened again."""


class Hearing:
    """Calls `heard` with the payload of each notification on these channels, and with "" when some may have been missed.
    Use as an async context manager."""

    def __init__(self, url: str, channels: tuple[str, ...], heard: Callable[[str], None]) -> None:
        self._url, self._channels, self._heard = url, channels, heard
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        listening = asyncio.Event()
        self._task = asyncio.create_task(self._listen(listening))
        with suppress(TimeoutError):  # a database that is away is waited for meanwhile
            async with asyncio.timeout(RECONNECT_AFTER_S):
                await listening.wait()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._task:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _listen(self, listening: asyncio.Event) -> None:
        while True:
            with suppress(OperationalError):
                connection = await AsyncConnection.connect(self._url, autocommit=True)
                async with connection:
                    for channel in self._channels:
                        await connection.execute(SQL("LISTEN {}").format(Identifier(channel)))
                    listening.set()
                    self._heard("")
                    async for notice in connection.notifies():
                        self._heard(notice.payload)
            await asyncio.sleep(RECONNECT_AFTER_S)
