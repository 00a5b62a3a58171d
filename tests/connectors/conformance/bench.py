"""A connector on the bench: its stand-in behind a transport that fails as networks and systems do."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Protocol

import httpx

from connectors.adapters import Adapter
from connectors.connections import ConnectionSettings
from connectors.ports import Call, ConnectorError
from connectors.routing import CallRouter
from schemas.base import System
from tests.connectors.conformance.samples import Sample

SECRET = "conformance-secret"
TIMEOUT_S = 2.0


class StandIn(Protocol):
    """A small system as the connector's vendor makes it. Its books are evidence.

    `connection`: how it is reached; a secret in it is SECRET. Targets are those of the samples.
    """

    connection: ConnectionSettings

    def prepare(self, sample: Sample) -> None:
        """Have what the sample's call is about, such as the order that is cancelled; it is no record."""

    async def answer(self, request: httpx.Request) -> httpx.Response:
        """Answer a request as the system does."""

    def records(self) -> list[str]:
        """What was done, one text for each thing: contents in plain Unicode, amounts as plain decimals, moments as RFC
        3339 with their offset."""

    def changes(self, request: httpx.Request) -> bool:
        """Whether a request is the one that makes a record: not a login, not a look."""

    def keep_orders(self, numbers: list[str]) -> None:
        """Have these orders in the list that `StockPort.orders` reads; nothing where there is no such list."""


class WireFault(StrEnum):
    """What befalls an exchange on its way."""

    LOST_ANSWER = "lost_answer"
    """The request arrived, the answer did not."""
    NOT_REACHED = "not_reached"
    DRIP = "drip"
    """The answer comes byte by byte, and never ends."""
    ENDLESS = "endless"


@dataclass
class FaultyTransport(httpx.AsyncBaseTransport):
    """Hands requests to the stand-in. `fault` befalls those that change something, and every one where `always`."""

    stand_in: StandIn
    fault: WireFault | None = None
    instead: Callable[[httpx.Request], httpx.Response] | None = None
    """Answers instead of the stand-in, to requests that change something."""
    always: bool = False
    most: int = 0
    delay_s: float = 0.0
    _under_way: int = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """See httpx."""
        concerned = self.always or self.stand_in.changes(request)
        if concerned and self.instead:
            return self.instead(request)
        if concerned and self.fault is WireFault.NOT_REACHED:
            raise httpx.ConnectError("no route")
        self._under_way += 1
        self.most = max(self.most, self._under_way)
        try:
            await asyncio.sleep(self.delay_s)
            answer = await self.stand_in.answer(request)
        finally:
            self._under_way -= 1
        if concerned and self.fault is WireFault.LOST_ANSWER:
            raise httpx.ReadError("connection reset")
        if concerned and self.fault is WireFault.DRIP:
            return httpx.Response(answer.status_code, stream=Forever(b" ", 0.01))
        if concerned and self.fault is WireFault.ENDLESS:
            return httpx.Response(answer.status_code, stream=Forever(b" " * 65_536, 0.0))
        return answer


@dataclass
class Forever(httpx.AsyncByteStream):
    """A body without an end; `sent` counts its bytes."""

    chunk: bytes
    pause_s: float
    sent: int = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            self.sent += len(self.chunk)
            yield self.chunk
            await asyncio.sleep(self.pause_s)


@dataclass
class Bench:
    """A connector, its stand-in, and calls of one kind."""

    adapter: Adapter
    stand_in: StandIn
    sample: Sample
    transport: FaultyTransport = field(init=False)

    def __post_init__(self) -> None:
        self.transport = FaultyTransport(self.stand_in)
        self.stand_in.prepare(self.sample)

    def of(self, system: System, target: str) -> ConnectionSettings:
        """See connectors.connections.Connections."""
        return replace(self.stand_in.connection, system=system)

    def named(self) -> tuple[ConnectionSettings, ...]:
        """See connectors.connections.Connections."""
        return (self.stand_in.connection,)

    def router(self) -> CallRouter:
        """From calls to the stand-in, as the worker has it."""
        return CallRouter(self, {self.adapter.name: self.adapter}, self.transport)

    def call(self, key: str = "erp-one/SO-1/once", *, repeated: bool = False, timeout_s: float = TIMEOUT_S) -> Call:
        """A call as the executor makes it."""
        return Call(self.sample.target, key, timeout_s=timeout_s, repeated=repeated)

    async def ask(self, router: CallRouter, call: Call | None = None) -> Any:
        """Make the sample's call."""
        port: Any = router.port(self.sample.port, self.sample.system)
        return await getattr(port, self.sample.method)(self.sample.message, call or self.call())

    async def failure(self, router: CallRouter, call: Call | None = None) -> ConnectorError:
        """How it fails; no text of the error has the secret in it."""
        try:
            answer = await self.ask(router, call)
        except ConnectorError as error:
            assert SECRET not in f"{error} {error!r} {error.__cause__!r}", "an error holds the secret"
            return error
        raise AssertionError(f"{self.sample.name} took for an answer what is none: {answer!r}")
