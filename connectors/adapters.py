"""Adapters: their systems, their operations, their way to count once, and the making of their ports."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import httpx
from pydantic import BaseModel, ConfigDict

from connectors.connections import ConnectionSettings
from connectors.http.vendor import VendorClient
from connectors.ports import MAX_LIST_LAG_S, OnceKind
from schemas.base import System


class NoSettings(BaseModel):
    """An adapter that needs to know nothing beside address and login."""

    model_config = ConfigDict(extra="forbid", frozen=True)


@dataclass(frozen=True)
class AdapterLink:
    """An adapter's side of a connection: its client, and its settings as its own model has read them."""

    connection: ConnectionSettings
    client: Any
    settings: Any


PortFactory = Callable[[AdapterLink], Any]
ClientFactory = Callable[[ConnectionSettings, httpx.AsyncBaseTransport | None], VendorClient]


@dataclass(frozen=True)
class Adapter:
    """A connector as the catalogue has it.

    `name`: what a connection says to be served by it. `systems`: kinds of system that it can stand for. `ports`: how
    each port is made of a connection. `without`: methods of those ports that the system cannot do, as
    `WmsPort.expect_return`. `once`: the weakest way in which a call of it counts once. `list_lag_s`: seconds after
    which the system's lists surely show what was written, with a natural key. `settings`: what the YAML of a connection
    may hold beside address and login. `documents`: kinds of business document that pass, for people. `tested`: with
    which versions of the system; `conformant`: whether the conformance suite runs on it. `probe`: a path that needs a
    login and changes nothing; it answers whether we may read.
    """

    name: str
    title: str
    systems: frozenset[System]
    ports: Mapping[type, PortFactory]
    once: OnceKind
    client: ClientFactory
    settings: type[BaseModel] = NoSettings
    without: frozenset[str] = frozenset()
    list_lag_s: float = 0.0
    documents: tuple[str, ...] = ()
    tested: tuple[str, ...] = ()
    conformant: bool = False
    probe: str = "/"

    def __post_init__(self) -> None:
        """Raises ValueError for a lag that no attempt can wait for."""
        if not 0 <= self.list_lag_s <= MAX_LIST_LAG_S:
            raise ValueError(f"{self.name}: list_lag_s is at most {MAX_LIST_LAG_S:g}; a longer lag is `neither`")

    @property
    def operations(self) -> tuple[str, ...]:
        """The operations of the adapter: `<port>.<method>`."""
        every = (f"{port.__name__}.{name}" for port in self.ports for name in methods_of(port))
        return tuple(it for it in every if it not in self.without)


def methods_of(port: type) -> tuple[str, ...]:
    """The calls of a port."""
    return tuple(name for name, _ in inspect.getmembers(port, inspect.iscoroutinefunction))
