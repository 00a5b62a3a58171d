"""How a process is: can it commit, does Temporal answer; and a server for processes that have no other."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from enum import StrEnum
from http import HTTPStatus

from psycopg import Error

from schemas.base import Contract
from store.engine import Database

PROBE_TIMEOUT_S = 2.0
"""Seconds for one probe: a dependency that answers later serves nobody."""
KEPT_S = 1.0
"""The seconds for which a result serves other callers: anybody may ask, and asking writes to the disk."""
NO_ROOM = "53"
"""Class of PostgreSQL's errors when the disk, memory or connections are used up."""
ASKING_S = 2.0
"""Seconds for a caller to send its request: a silent connection must not stay."""
MAX_HEAD_BYTES = 4096
"""Bytes of a request's head: that of a probe has some hundred."""
MAX_ASKING = 16
"""The callers at once: supervisors, and people who look for themselves."""


class Condition(StrEnum):
    """Of something that a process depends on. `full`: it answers, and has no room to write."""

    UP = "up"
    DOWN = "down"
    FULL = "full"


class Alive(Contract):
    """The process serves requests."""

    status: Condition = Condition.UP


class Readiness(Contract):
    """The dependencies of a process."""

    database: Condition
    temporal: Condition


class Health:
    """Looks at the database and Temporal, at most once a second for all callers."""

    def __init__(
        self, database: Database, healthy: Callable[[], Awaitable[bool]], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._database, self._healthy, self._clock = database, healthy, clock
        self._looking = asyncio.Lock()
        self._found: tuple[float, Readiness] | None = None

    async def look(self) -> Readiness:
        """How things are, or were a moment ago."""
        async with self._looking:
            if self._found is None or self._found[0] <= self._clock():
                database, temporal = await asyncio.gather(self._writable(), self._answers())
                self._found = (self._clock() + KEPT_S, Readiness(database=database, temporal=temporal))
            return self._found[1]

    async def _writable(self) -> Condition:
        try:
            async with asyncio.timeout(PROBE_TIMEOUT_S):
                await self._database.try_to_write()
        except Error as error:
            return Condition.FULL if (error.sqlstate or "").startswith(NO_ROOM) else Condition.DOWN
        except (TimeoutError, OSError):
            return Condition.DOWN
        return Condition.UP

    async def _answers(self) -> Condition:
        with suppress(TimeoutError):
            async with asyncio.timeout(PROBE_TIMEOUT_S):
                return Condition.UP if await self._healthy() else Condition.DOWN
        return Condition.DOWN


@asynccontextmanager
async def serve_health(port: int, health: Health) -> AsyncIterator[None]:
    """Answer on a loopback port while the block runs; port 0: do not listen.

    `/health/live`: 200. Anything else: 200 when the database can be written and Temporal answers, otherwise 503.
    """
    if not port:
        yield
        return
    asking: set[asyncio.StreamWriter] = set()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asking.add(writer)
        try:
            if len(asking) <= MAX_ASKING:
                async with asyncio.timeout(ASKING_S + PROBE_TIMEOUT_S):
                    head = await reader.readuntil(b"\r\n\r\n")
                    writer.write(await _answer(head, health))
                    await writer.drain()
        except (TimeoutError, OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # whoever asks asks again
        finally:
            asking.discard(writer)
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", port, limit=MAX_HEAD_BYTES)
    async with server:
        yield
        for writer in asking:
            writer.close()


async def _answer(head: bytes, health: Health) -> bytes:
    if head.startswith(b"GET /health/live "):
        status, body = HTTPStatus.OK, Alive().model_dump_json().encode()
    else:
        found = await health.look()
        ready = found.database is found.temporal is Condition.UP
        status = HTTPStatus.OK if ready else HTTPStatus.SERVICE_UNAVAILABLE
        body = found.model_dump_json().encode()
    lines = (
        f"HTTP/1.1 {status.value} {status.phrase}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        "Connection: close",
    )
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body
