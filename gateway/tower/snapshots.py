"""Pages made at most once a second, whatever the number of viewers: watching does not slow the work."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

KEPT_S = 1.0
REST = 20
"""A page is kept this many times as long as reading for it took: watching takes at most 1/20 of one connection."""


@dataclass(frozen=True)
class Made:
    """A page, and how long the database was asked for it."""

    text: str
    reading_s: float


class Snapshots:
    """Remembers pages by name. One is made at a time, so watching never takes more than one connection."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._making = asyncio.Lock()
        self._kept: dict[str, tuple[float, str]] = {}

    async def get(self, name: str, make: Callable[[], Awaitable[Made]]) -> str:
        """The page as it was a moment ago, or made now. What `make` raises goes to the viewer that waits for it."""
        async with self._making:
            now = self._clock()
            self._kept = {name: kept for name, kept in self._kept.items() if kept[0] > now}
            if name not in self._kept:
                made = await make()
                self._kept[name] = (self._clock() + max(KEPT_S, REST * made.reading_s), made.text)
            return self._kept[name][1]
