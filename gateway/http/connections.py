"""Limits on one connection, and on one address, before the caller is known: bytes, time, places.

uvicorn bounds none of these. Its parser keeps a header that never ends, and its timer runs between requests only.
"""

import ipaddress
import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, ClassVar
from uuid import uuid4

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from gateway.http.problems import CROWDED, HEAD_TOO_LARGE, MALFORMED, RATE_LIMITED, TOO_SLOW, Problem

SLICE_BYTES = 16 * 1024
"""Bytes that the parser gets at once: its work on them stays small, whatever they contain."""
MAX_PIPELINED = 8
"""Requests that may wait behind one that is being answered. No common client sends any."""
IPV6_VERSION, IPV6_NETWORK = 6, 64
"""Bits of a network: an owner of one address of it has all of them."""


@dataclass(frozen=True)
class Bounds:
    """Limits on connections. Times are seconds, and are looked at ten times a second."""

    head_bytes: int = 32 * 1024
    """Request line, headers and trailers; common servers take between 8 and 64 KiB."""
    headers: int = 100
    first_byte_s: float = 10.0
    """Until a new connection says something."""
    head_s: float = 10.0
    """Until the headers that have begun are whole."""
    body_s: float = 25.0
    """Until the body is whole: earlier than the application gives up, so that the caller gets the reason."""
    idle_s: float = 10.0
    """Between an answer and the next request."""
    taking_s: float = 60.0
    """Until the caller has taken an answer that it does not keep up with."""
    unwanted_s: float = 5.0
    """Seconds in which a refused body may still arrive."""
    unwanted_bytes: int = 32 * 1024 * 1024
    """Bytes of a refused body that are read: a caller that sends first and reads then learns the reason."""
    per_address: int = 200
    connections: int = 800
    """In all: a process commonly has 1,024 file handles, and needs some for the database."""


@dataclass
class ConnectionLimits:
    """Shared state of the connections of one server. `refused` is called with the reason of a refusal."""

    bounds: Bounds = Bounds()
    refused: Callable[[str], None] = lambda _why: None
    inside: Counter[str] = field(default_factory=Counter)

    def enter(self, address: str) -> Problem | None:
        """Count a connection in; the problem to turn it away with when there are too many."""
        self.inside[address] += 1
        wait = {"Retry-After": str(math.ceil(self.bounds.idle_s))}
        if self.inside[address] > self.bounds.per_address:
            detail = f"An address may have {self.bounds.per_address} connections."
            return Problem(RATE_LIMITED, detail, headers=wait)
        if self.inside.total() > self.bounds.connections:
            return Problem(CROWDED, "All connections are taken.", headers=wait)
        return None

    def leave(self, address: str) -> None:
        """Count it out."""
        self.inside[address] -= 1
        if not self.inside[address]:
            del self.inside[address]

    def protocol(self) -> type["BoundedProtocol"]:
        """The protocol for the connections of this server, as uvicorn wants it."""
        return type("LimitedProtocol", (BoundedProtocol,), {"limits": self})


class BoundedProtocol(HttpToolsProtocol):
    """A connection that is refused or closed once it is over a bound of its server."""

    limits: ClassVar[ConnectionLimits]
    _unread = 0
    """Bytes since headers were whole, or a piece of the body came: what the parser may have to keep."""
    _unwanted = 0
    _in_head = False
    _whole = True
    """Whether the last request that began has come to its end."""
    _until = math.inf
    _stuck_until = math.inf

    def connection_made(self, transport: Any) -> None:
        """Count the connection; turn it away when there are too many."""
        super().connection_made(transport)
        self._until = self.loop.time() + self.limits.bounds.first_byte_s
        self._address = _network(self.client[0] if self.client else "")
        if problem := self.limits.enter(self._address):
            self._refuse(problem)

    def connection_lost(self, exc: Exception | None) -> None:
        """Give its place back."""
        self.limits.leave(self._address)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what came, a slice at a time, as long as the caller stays within bounds."""
        bounds = self.limits.bounds
        for start in range(0, len(data), SLICE_BYTES):
            if self.transport.is_closing():
                return
            part = data[start : start + SLICE_BYTES]
            self._unread += len(part)
            super().data_received(part)
            if self._unread > bounds.head_bytes or (self.headers and len(self.headers) > bounds.headers):
                self._refuse(self._head_too_large())

    def send_400_response(self, msg: str) -> None:
        """Answer bytes that are not HTTP, or that the parser refused."""
        self._refuse(Problem(MALFORMED, msg))

    def on_message_begin(self) -> None:
        """The first byte of a request."""
        super().on_message_begin()
        self._in_head, self._whole, self._unwanted = True, False, 0
        self._until = self.loop.time() + self.limits.bounds.head_s

    def on_headers_complete(self) -> None:
        """Start the request, unless it has too many headers, or too many wait before it."""
        if len(self.headers) > self.limits.bounds.headers:
            self._refuse(self._head_too_large())
            raise ValueError("too many headers")
        if len(self.pipeline) >= MAX_PIPELINED:
            self._abort("pipelined")
            raise ValueError("too many requests at once")
        self._in_head, self._unread = False, 0
        self._until = self.loop.time() + self.limits.bounds.body_s
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A piece of the body; of one that is already answered, only so much is taken."""
        self._unread = 0
        super().on_body(body)
        if self.cycle.response_complete:
            self._unwanted += len(body)
            if self._unwanted > self.limits.bounds.unwanted_bytes:
                self._abort("unwanted")

    def on_message_complete(self) -> None:
        """The request is whole: the rest is the application's time, or the caller's for the next one."""
        super().on_message_complete()
        self._whole, self._unread = True, 0
        self._until = self._idle_until() if self.cycle.response_complete else math.inf

    def on_response_complete(self) -> None:
        """The answer is written."""
        super().on_response_complete()
        if not self.cycle.response_complete:
            return  # another request was waiting behind this one
        if self._whole:
            self._until = self._idle_until()
        elif not self._in_head:
            self._until = self.loop.time() + self.limits.bounds.unwanted_s

    def look(self, now: float) -> None:
        """Close the connection when its time is over."""
        if self.transport.is_closing() or self.flow.write_paused:
            self._stuck_until = min(self._stuck_until, now + self.limits.bounds.taking_s)
            if now >= self._stuck_until:
                self._abort("not_taken")
            return
        self._stuck_until = math.inf
        if now < self._until:
            return
        if not self._whole and (self.cycle is None or self._in_head or not self.cycle.response_complete):
            self._refuse(Problem(TOO_SLOW, "The request did not come in time."))
        else:
            self.transport.close()

    def _idle_until(self) -> float:
        return self.loop.time() + self.limits.bounds.idle_s

    def _head_too_large(self) -> Problem:
        bounds = self.limits.bounds
        return Problem(HEAD_TOO_LARGE, f"{bounds.headers} headers and {bounds.head_bytes} bytes of them are taken.")

    def _refuse(self, problem: Problem) -> None:
        """Say what is wrong and close; just close when the caller would take it for the answer to another request."""
        if self.transport.is_closing():
            return
        owed = self.cycle is not None and not self.cycle.response_complete
        if owed and (self.cycle.response_started or self._in_head or self._whole):
            self._abort(problem.kind.slug)
            return
        self.limits.refused(problem.kind.slug)
        self.transport.write(_written(problem))
        self._leave_application()
        self.transport.close()

    def _abort(self, why: str) -> None:
        self.limits.refused(why)
        self._leave_application()
        self.transport.abort()

    def _leave_application(self) -> None:
        """The application must neither wait for this caller nor answer it any more."""
        if self.cycle and not self.cycle.response_complete:
            self.cycle.disconnected = True
            self.cycle.message_event.set()


class BoundedServer(uvicorn.Server):
    """A server that looks at the time of its connections."""

    async def on_tick(self, counter: int) -> bool:
        """Ten times a second."""
        for connection in tuple(self.server_state.connections):
            assert isinstance(connection, BoundedProtocol)
            connection.look(connection.loop.time())
        return await super().on_tick(counter)


def bounded_server(config: uvicorn.Config, limits: ConnectionLimits) -> BoundedServer:
    """The server of an application with its limits."""
    config.http = limits.protocol()
    config.ws = "none"
    config.timeout_keep_alive = math.ceil(limits.bounds.idle_s)
    return BoundedServer(config)


def _network(address: str) -> str:
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if found.version == IPV6_VERSION:
        return str(ipaddress.ip_network((found, IPV6_NETWORK), strict=False))
    return address


def _written(problem: Problem) -> bytes:
    """A problem as the bytes of an answer that ends the connection."""
    answer = problem.response(uuid4().hex)
    lines = [f"HTTP/1.1 {answer.status_code} {HTTPStatus(answer.status_code).phrase}".encode()]
    lines += [name + b": " + value for name, value in answer.raw_headers]
    return b"\r\n".join([*lines, b"connection: close", b"", bytes(answer.body)])
