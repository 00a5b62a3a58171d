"""From a call to its system: the target's connection, that connection's adapter, its port.

Each connection has a client of its own, so that one that hangs or is refused holds up no other.
"""

import asyncio
import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self, TypeVar, cast

import httpx
from pydantic import ValidationError

from connectors.adapters import Adapter, AdapterLink, methods_of
from connectors.connections import Connections, ConnectionSettings
from connectors.ports import Call, OnceRule, Refused, Unavailable
from schemas.base import Origin, System

Port = TypeVar("Port")


@dataclass
class OpenConnection:
    """A connection that was used: what it was opened with, its ports so far, and the calls under way."""

    settings: ConnectionSettings
    adapter: Adapter
    link: AdapterLink
    ports: dict[type, Any] = field(default_factory=dict)
    calls: int = 0
    retired: bool = False

    def port(self, kind: type, method: str) -> Any:
        """One of its ports. Raises Refused when the adapter cannot do that."""
        if kind not in self.adapter.ports or f"{kind.__name__}.{method}" in self.adapter.without:
            said = f"{self.settings.name}: the connector {self.adapter.name} cannot do {method}"
            raise Refused(Origin.PLATFORM, said)
        if kind not in self.ports:
            self.ports[kind] = self.adapter.ports[kind](self.link)
        return self.ports[kind]


class CallRouter:
    """Gives ports whose calls go to the system that each call's target names. Use as an async context manager.

    A connection whose settings have changed is opened anew at its next call; the old one is closed after its last.
    """

    def __init__(
        self,
        connections: Connections,
        adapters: Mapping[str, Adapter],
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._connections, self._adapters, self._transport = connections, adapters, transport
        self._open: dict[str, OpenConnection] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.gather(*(one.link.client.aclose() for one in self._open.values()))

    def port(self, kind: type[Port], system: System) -> Port:
        """A port of every system of a kind. Its methods raise what the adapters raise. They raise `Unavailable` of the
        origin `platform` when no connection serves the target, and `Refused` when its adapter has no such method."""
        return cast("Port", RoutedPort(self, kind, system))

    def once(self, system: System, target: str) -> OnceRule:
        """How a call to a target counts once. Raises Unavailable when no connection serves it."""
        adapter = self._adapter(self._connections.of(system, target))
        return OnceRule(adapter.once, adapter.list_lag_s)

    async def call(self, kind: type, system: System, method: str, call: Call, *args: Any, **kwargs: Any) -> Any:
        """Make one call."""
        found = await self._connection(self._connections.of(system, call.target))
        found.calls += 1
        try:
            return await getattr(found.port(kind, method), method)(*args, **kwargs)
        finally:
            found.calls -= 1
            if found.retired and not found.calls:
                await found.link.client.aclose()

    async def _connection(self, settings: ConnectionSettings) -> OpenConnection:
        known = self._open.get(settings.name)
        if known is not None and known.settings == settings:
            return known
        adapter = self._adapter(settings)
        opened = OpenConnection(settings, adapter, link_of(adapter, settings, self._transport))
        self._open[settings.name] = opened
        if known is not None:
            known.retired = True
            if not known.calls:
                await known.link.client.aclose()
        return opened

    def _adapter(self, settings: ConnectionSettings) -> Adapter:
        adapter = self._adapters.get(settings.adapter)
        if adapter is None:
            raise Unavailable(
                Origin.PLATFORM, f"{settings.name}: there is no connector {settings.adapter}", undone=True
            )
        return adapter


class RoutedPort:
    """Has the methods of a port; each goes the way of its call."""

    def __init__(self, router: CallRouter, kind: type, system: System) -> None:
        for name in methods_of(kind):
            setattr(self, name, _routed(router, kind, system, name))


def _routed(router: CallRouter, kind: type, system: System, name: str) -> Any:
    at = list(inspect.signature(getattr(kind, name)).parameters).index("call") - 1

    async def routed(*args: Any, **kwargs: Any) -> Any:
        call = kwargs["call"] if "call" in kwargs else args[at]
        return await router.call(kind, system, name, call, *args, **kwargs)

    return routed


def link_of(
    adapter: Adapter, settings: ConnectionSettings, transport: httpx.AsyncBaseTransport | None = None
) -> AdapterLink:
    """An adapter's side of a connection. Raises Unavailable of the origin `platform` for settings that its model does
    not take; it names the fields."""
    if settings.system not in adapter.systems:
        raise Unavailable(
            Origin.PLATFORM, f"{settings.name}: {adapter.name} is no connector for a {settings.system}", undone=True
        )
    try:
        read = adapter.settings.model_validate(dict(settings.settings))
    except ValidationError as error:
        broken = "; ".join(f"{'.'.join(map(str, it['loc']))}: {it['msg']}" for it in error.errors(include_input=False))
        raise Unavailable(
            Origin.PLATFORM, f"{settings.name}: settings of {adapter.name}: {broken}", undone=True
        ) from None
    return AdapterLink(settings, adapter.client(settings, transport), read)
