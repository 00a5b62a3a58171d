"""Tryton 8 in the catalogue: warehouses and sales of one company in one database."""

from connectors.adapters import Adapter, AdapterLink
from connectors.ports import ErpPort, OnceKind, StockPort, WmsPort
from connectors.tryton.client import TrytonClient
from connectors.tryton.moving import ShipmentMoves
from connectors.tryton.records import TrytonRecords
from connectors.tryton.sales import TrytonErp
from connectors.tryton.settings import TrytonSettings
from connectors.tryton.stock import TrytonStock
from connectors.tryton.warehouse import LIST_LAG_S, TrytonWms
from schemas.base import System


def _records(link: AdapterLink) -> TrytonRecords:
    return TrytonRecords(link.client, link.settings)


TRYTON = Adapter(
    name="tryton",
    title="Tryton 8",
    systems=frozenset({System.WMS, System.ERP}),
    ports={
        WmsPort: lambda it: TrytonWms(_records(it), ShipmentMoves(_records(it))),
        ErpPort: lambda it: TrytonErp(_records(it), ShipmentMoves(_records(it))),
        StockPort: lambda it: TrytonStock(_records(it)),
    },
    without=frozenset({f"StockPort.{it}" for it in ("orders", "targets", "effects", "accounts", "demand")}),
    once=OnceKind.NATURAL_KEY,
    client=TrytonClient,
    settings=TrytonSettings,
    list_lag_s=LIST_LAG_S,
    documents=("order", "return", "stock"),
    tested=("Tryton 8.2",),
    conformant=True,
    probe="/rest/model/stock.location?s=1",
)
