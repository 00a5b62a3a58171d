"""Places for work that takes its time: so many at once, the rest wait a moment in turn or hear when to come back.

Without them everybody is let in, and everybody waits for everybody.
"""

import asyncio
import math
import time
from collections import Counter, defaultdict, deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from gateway.http.problems import RATE_LIMITED, Problem

FIRST_TOOK_S = 0.1
"""Seconds that a piece of work is assumed to take before any was measured."""
WEIGHT = 0.1
"""Of the latest measure, against those before."""
LONGEST_RETRY_S = 30
"""Seconds of a Retry-After at most: a measure of an unusual moment must not send callers away for long."""


class Places:
    """`at_once` places. A request that would wait longer than `wait_s` is refused, at once where that is clear already.

    A place that becomes free goes to the partner that has the fewest: one that sends much waits for itself.
    """

    def __init__(self, at_once: int, wait_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._at_once, self._wait_s, self._clock = at_once, wait_s, clock
        self._inside: Counter[str] = Counter()
        self._waiting: defaultdict[str, deque[asyncio.Future[None]]] = defaultdict(deque)
        self._took_s = FIRST_TOOK_S

    @asynccontextmanager
    async def place(self, partner: str) -> AsyncIterator[None]:
        """A place while the block runs. Raises the 429 `Problem` with Retry-After."""
        await self._enter(partner)
        began = self._clock()
        try:
            yield
        finally:
            self._took_s += WEIGHT * (self._clock() - began - self._took_s)
            self._leave(partner)

    async def _enter(self, partner: str) -> None:
        if self._inside.total() < self._at_once:
            self._inside[partner] += 1
            return
        if self._ahead_s() > self._wait_s:
            raise self._full()
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[partner].append(turn)
        try:
            await asyncio.wait([turn], timeout=self._wait_s)
        except asyncio.CancelledError:
            if turn.done():
                self._leave(partner)
            else:
                self._withdraw(partner, turn)
            raise
        if not turn.done():
            self._withdraw(partner, turn)
            raise self._full()

    def _leave(self, partner: str) -> None:
        self._inside[partner] -= 1
        if not self._inside[partner]:
            del self._inside[partner]
        if self._waiting:
            following = min(self._waiting, key=lambda name: self._inside[name])
            turn = self._waiting[following].popleft()
            self._forget(following)
            self._inside[following] += 1
            turn.set_result(None)

    def _withdraw(self, partner: str, turn: asyncio.Future[None]) -> None:
        self._waiting[partner].remove(turn)
        self._forget(partner)

    def _forget(self, partner: str) -> None:
        if not self._waiting[partner]:
            del self._waiting[partner]

    def _ahead_s(self) -> float:
        """The expected wait of a newcomer, in seconds."""
        return (sum(map(len, self._waiting.values())) + 1) / self._at_once * self._took_s

    def _full(self) -> Problem:
        retry_s = min(LONGEST_RETRY_S, max(1, math.ceil(self._ahead_s())))
        detail = "More than can be served at once. Nothing was stored."
        return Problem(RATE_LIMITED, detail, headers={"Retry-After": str(retry_s)})
