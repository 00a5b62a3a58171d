"""Paces calls to a system: a number a second, a number at once, and none while it asks us to wait.

A call that finds no place fails with the origin `platform`: the system was not asked, and is not to blame.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, nullcontext

from connectors.ports import Unavailable
from schemas.base import Origin


class CallPace:
    """The pace of one connection. `per_second`, `concurrent`: at most; None: no limit."""

    def __init__(
        self,
        per_second: float | None = None,
        concurrent: int | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._every_s = 1 / per_second if per_second else 0.0
        self._places = asyncio.Semaphore(concurrent) if concurrent else None
        self._clock = clock
        self._next = self._held_until = 0.0

    def hold(self, for_s: float) -> None:
        """The system asks for nothing to come for so long, in seconds."""
        self._held_until = max(self._held_until, self._clock() + for_s)

    @asynccontextmanager
    async def turn(self, name: str, patience_s: float) -> AsyncIterator[None]:
        """Wait for a turn, at most so long. Raises Unavailable with the time after which to ask again."""
        left_s = self._held_until - self._clock()
        if left_s > 0:
            raise Unavailable(Origin.PLATFORM, f"{name} asked us to wait", left_s, undone=True)
        await self._rate(name, patience_s)
        async with self._places or nullcontext():
            yield

    async def _rate(self, name: str, patience_s: float) -> None:
        now = self._clock()
        wait_s = max(0.0, self._next - now)
        if wait_s >= patience_s:
            said = f"{name} takes {1 / self._every_s:g} calls a second"
            raise Unavailable(Origin.PLATFORM, said, wait_s, undone=True)
        self._next = max(self._next, now) + self._every_s
        if wait_s:
            await asyncio.sleep(wait_s)
