"""Snapshots made at most once a second, for any number of viewers: watching does not slow the work."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

KEPT_S = 1.0
"""Seconds that a snapshot is shown: people do not see faster changes."""
REST = 20
"""A thing is kept this many times as long as reading for it took: watching takes at most 1/20 of one connection."""

Thing = TypeVar("Thing")


@dataclass(frozen=True)
class Made(Generic[Thing]):
    """A page or an answer, and how long the database, or a workflow, was asked for it."""

    thing: Thing
    reading_s: float


class Snapshots(Generic[Thing]):
    """Remembers pages or answers by name. One is made at a time, so watching never takes more than one connection."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._making = asyncio.Lock()
        self._kept: dict[str, tuple[float, Thing]] = {}

    async def get(self, name: str, make: Callable[[], Awaitable[Made[Thing]]]) -> Thing:
        """The thing as it was a moment ago, or made now. An error that `make` raises goes to the viewer that waits for
        it."""
        async with self._making:
            now = self._clock()
            self._kept = {name: kept for name, kept in self._kept.items() if kept[0] > now}
            if name not in self._kept:
                made = await make()
                self._kept[name] = (self._clock() + max(KEPT_S, REST * made.reading_s), made.thing)
            return self._kept[name][1]
