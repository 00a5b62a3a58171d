"""Tryton's stock: what is in each warehouse, its zones for receipt and shipping included."""

from dataclasses import dataclass

from connectors.ports import Call
from connectors.tryton.codes import PRODUCT
from connectors.tryton.records import TrytonRecords
from schemas.base import System
from schemas.finance.reconciliation import AccountsReport, DemandReport, EffectsReport, OrdersReport, TargetsReport
from schemas.inventory.stock import Bucket, Figure, place
from schemas.inventory.supply import StockReport


@dataclass(frozen=True)
class TrytonStock:
    """See StockPort. Tryton keeps no lists of what it was told, of effects or of demand in our form."""

    records: TrytonRecords

    async def stock(self, after: str, limit: int, call: Call) -> StockReport:
        """See StockPort. Figures are in the order of Tryton's database; a warehouse answers for its own site, an ERP
        for those that `warehouses` names."""
        client = self.records.client
        sites = [call.target] if client.system is System.WMS else sorted(self.records.settings.warehouses)
        last_item, _, last_place = after.rpartition(" ")
        packs: dict[str, dict[str, int]] = {}
        for site in sites:
            at = await self.records.warehouse(site, call)
            domain = [["code", ">=", last_item], ["code", "!=", None], ["type", "=", "goods"]]
            rows = await client.find(
                PRODUCT,
                domain,
                ("code", "quantity"),
                call,
                order="code",
                limit=limit + 1,
                context={"locations": [at.id], "with_childs": True},
            )
            for row in rows:
                item = client.read(lambda it: str(it["code"]), row)
                packs.setdefault(item, {})[place(Bucket.ON_HAND, site)] = client.read(
                    lambda it: int(it["quantity"]), row
                )
        figures = [
            Figure(place=at, item=item, packs=quantity)
            for item, places in packs.items()
            for at, quantity in sorted(places.items())
            if (item, at) != (last_item, last_place) and not (item == last_item and at < last_place)
        ]
        return StockReport(figures=tuple(figures[:limit]))

    async def orders(self, after: str, limit: int, call: Call, since: str = "") -> OrdersReport | None:
        """See StockPort."""

    async def targets(self, after: str, limit: int, call: Call, since: str = "") -> TargetsReport | None:
        """See StockPort."""

    async def effects(self, after: str, limit: int, call: Call, since: str = "") -> EffectsReport | None:
        """See StockPort."""

    async def accounts(self, after: str, limit: int, call: Call, since: str = "") -> AccountsReport | None:
        """See StockPort."""

    async def demand(self, after: str, limit: int, call: Call) -> DemandReport | None:
        """See StockPort."""
