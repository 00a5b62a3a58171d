"""LISTEN for the whole process: one connection wakes all that wait for a channel. A missed wake costs one time-out."""

import asyncio
from contextlib import suppress
from types import TracebackType
from typing import Self

from psycopg import AsyncConnection, OperationalError
from psycopg.sql import SQL, Identifier

RECONNECT_AFTER_S = 1.0
"""Seconds before the listening connection is opened again."""


class Wake:
    """Waits for notifications on channels. Use as an async context manager."""

    def __init__(self, url: str, channels: tuple[str, ...]) -> None:
        self._url = url
        self._counts = dict.fromkeys(channels, 0)
        self._next = {channel: asyncio.Event() for channel in channels}
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._listen())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._task:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def wait(self, channel: str, seen: int, timeout_s: float) -> int:
        """Return when something was announced since `seen`, or after the time-out. Pass the answer to the next wait."""
        if self._counts[channel] == seen:
            with suppress(TimeoutError):
                async with asyncio.timeout(timeout_s):
                    await self._next[channel].wait()
        return self._counts[channel]

    def _announce(self, channel: str) -> None:
        self._counts[channel] += 1
        waiting, self._next[channel] = self._next[channel], asyncio.Event()
        waiting.set()

    async def _listen(self) -> None:
        while True:
            with suppress(OperationalError):
                connection = await AsyncConnection.connect(self._url, autocommit=True)
                async with connection:
                    for channel in self._counts:
                        await connection.execute(SQL("LISTEN {}").format(Identifier(channel)))
                    async for notice in connection.notifies():
                        self._announce(notice.channel)
            await asyncio.sleep(RECONNECT_AFTER_S)
