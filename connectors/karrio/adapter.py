"""Karrio in the catalogue."""

import httpx

from connectors.adapters import Adapter, AdapterLink
from connectors.connections import ConnectionSettings
from connectors.http.vendor import VendorClient
from connectors.karrio.client import KarrioTms
from connectors.karrio.errors import explain
from connectors.karrio.settings import KarrioSettings
from connectors.karrio.shipments import Shipments
from connectors.ports import OnceKind, TmsPort
from schemas.base import System


def client(connection: ConnectionSettings, transport: httpx.AsyncBaseTransport | None = None) -> VendorClient:
    """A client that knows Karrio's errors."""
    return VendorClient(connection, transport, explain)


def tms(link: AdapterLink) -> KarrioTms:
    """The transport desk of a connection."""
    return KarrioTms(Shipments(link.client), link.settings)


KARRIO = Adapter(
    name="karrio",
    title="Karrio",
    systems=frozenset({System.TMS}),
    ports={TmsPort: tms},
    once=OnceKind.NATURAL_KEY,
    client=client,
    settings=KarrioSettings,
    without=frozenset({"TmsPort.hold", "TmsPort.intercept"}),
    documents=("tender", "return collection", "tracking"),
    tested=("Karrio 2026.1.32",),
    conformant=True,
    probe="/v1/shipments?limit=1",
)
