"""Callers that wait for a verdict: woken when it falls, answered when it is confirmed."""

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress

from dispatch.confirming import Confirmer
from store.engine import Database
from store.messaging import heads, verdicts
from store.messaging.heads import Provisional
from store.messaging.listening import Hearing
from store.messaging.verdicts import CommandVerdict

AT_ONCE = 128
"""Callers that wait at the same time, of a gateway. Beyond this number a command is answered 202, and still decided."""
MISSED_S = 1.0
"""Seconds in which a notification may be missed while the listening connection is renewed."""
FIRST_LOOK_S, LAST_LOOK_S = 0.02, 0.5
"""Seconds before the first look at the history after a verdict, and the longest pause between looks. The task lasts
as long as its calls to other systems."""


class Calls:
    """Callers by the message that they wait for."""

    def __init__(self) -> None:
        self._bells: defaultdict[int, set[asyncio.Event]] = defaultdict(set)

    def ring(self, payload: str) -> None:
        """Something happened to a message; or to any, when the payload is empty."""
        rung = [int(payload)] if payload else list(self._bells)
        for message in rung:
            for bell in self._bells.get(message, ()):
                bell.set()

    @contextmanager
    def bell(self, message: int) -> Iterator[asyncio.Event]:
        """Rings when something happens to the message."""
        bell = asyncio.Event()
        self._bells[message].add(bell)
        try:
            yield bell
        finally:
            self._bells[message].discard(bell)
            if not self._bells[message]:
                del self._bells[message]


class VerdictWaiters:
    """Waits for verdicts, one listening connection for all callers."""

    def __init__(self, database: Database, confirmer: Confirmer, at_once: int = AT_ONCE) -> None:
        self._database, self._confirmer = database, confirmer
        self._calls = Calls()
        self._free = at_once

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Receive verdicts while the block runs."""
        async with Hearing(self._database.url, (heads.DECIDED, heads.SETTLED), self._calls.ring):
            yield

    @contextmanager
    def caller(self, message: int) -> Iterator["WaitingCaller | None"]:
        """Somebody waits for a message; None when too many do. To be taken before the workflow is told of it."""
        if self._free <= 0:
            yield None
            return
        self._free -= 1
        try:
            with self._calls.bell(message) as bell:
                yield WaitingCaller(self._database, self._confirmer, message, bell)
        finally:
            self._free += 1


class WaitingCaller:
    """One who waits for the verdict on a message."""

    def __init__(self, database: Database, confirmer: Confirmer, message: int, bell: asyncio.Event) -> None:
        self._database, self._confirmer = database, confirmer
        self._message, self._bell = message, bell

    async def verdict(self, within_s: float) -> CommandVerdict | None:
        """The verdict once it is confirmed; None when that takes longer."""
        until, pause = time.monotonic() + within_s, MISSED_S
        found = await self._settled()
        while found is None and (left := until - time.monotonic()) > 0:
            await self._rung(min(pause, left))
            found, steps = await self._settled(), []
            if found is None:
                steps = await self._decided()
            for step in steps:
                await self._confirmer.confirm(step)
            if steps:
                found = await self._settled()
                pause = FIRST_LOOK_S if pause == MISSED_S else min(2 * pause, LAST_LOOK_S)
        return found

    async def _rung(self, within_s: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                await self._bell.wait()
        self._bell.clear()

    async def _settled(self) -> CommandVerdict | None:
        async with self._database.connection() as connection:
            return await verdicts.verdict(connection, self._message)

    async def _decided(self) -> list[Provisional]:
        async with self._database.connection() as connection:
            return await heads.provisional_of(connection, self._message)
