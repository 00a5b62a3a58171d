"""Stand-in stock, forecasts and freight of every ERP: what each was told in bulk, every row counted once by its key."""

from collections import defaultdict
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from starlette.routing import Route

from schemas.base import Contract
from schemas.finance.erp_feed import (
    ErpForecast,
    ErpForecastBatch,
    ErpFreightBatch,
    ErpFreightPosting,
    ErpStockBatch,
    ErpStockMovement,
)
from schemas.inventory.stock import Bucket, place
from schemas.messaging.instructions import Accepted
from simulators.systems.call_handling import CallHandler, RuleRefusal
from simulators.systems.ledger import KeyReused, LedgerCall, Replies
from simulators.systems.lists import Packs

FREIGHT = ("freight_expense", "freight_accrued", "freight_payable")
Amounts = defaultdict[tuple[str, str, str], Decimal]
"""By (order, account, currency)."""


class ForecastReport(Contract):
    """Every forecast that an ERP holds, the newest of each period."""

    rows: tuple[ErpForecast, ...] = ()


class StockPostings:
    """Stock that is told beside orders, forecasts and freight of every ERP. `BAD…` is an unknown item."""

    def __init__(self, handler: CallHandler) -> None:
        self.handler = handler
        self._batches = Replies()
        self._rows: dict[tuple[str, str], ErpStockMovement | ErpForecast | ErpFreightPosting] = {}
        self._packs: dict[str, Packs] = {}
        self._forecasts: dict[str, dict[tuple[str, ...], ErpForecast]] = {}
        self._freight: dict[str, Amounts] = {}

    def routes(self) -> list[Route]:
        """The Syncline REST API under `/erp`."""
        return [
            self.handler.takes("/{instance}/v1/stock-movements", ErpStockBatch, self._move),
            self.handler.takes("/{instance}/v1/freight-postings", ErpFreightBatch, self._post_freight),
            self.handler.takes("/{instance}/v1/forecasts", ErpForecastBatch, self._forecast),
            self.handler.shows("/{instance}/v1/forecasts", self._held),
        ]

    def _move(self, call: LedgerCall, erp: str, batch: ErpStockBatch) -> Accepted:
        books = self._packs.setdefault(erp, Packs())
        known = self._batches.known(call)
        for row in self._fresh(erp, batch.rows):
            books[row.item, place(Bucket.ON_HAND, row.site)] += row.on_hand
            books[row.item, place(Bucket.BLOCKED, row.site)] += row.blocked
        return known or self._accepted(call)

    def _forecast(self, call: LedgerCall, erp: str, batch: ErpForecastBatch) -> Accepted:
        held = self._forecasts.setdefault(erp, {})
        known = self._batches.known(call)
        for row in self._fresh(erp, batch.rows):
            held[row.item, row.site, row.bucket, row.period.isoformat()] = row
        return known or self._accepted(call)

    def _post_freight(self, call: LedgerCall, erp: str, batch: ErpFreightBatch) -> Accepted:
        held = self._freight.setdefault(erp, Amounts(Decimal))
        known = self._batches.known(call)
        for row in batch.rows:
            if sum(getattr(row, account) for account in FREIGHT):
                raise RuleRefusal("unbalanced", "the posting does not sum to zero")
        for row in self._fresh(erp, batch.rows):
            for account in FREIGHT:
                held[row.order, account, row.currency] += getattr(row, account)
        return known or self._accepted(call)

    def freight(self, erp: str) -> Amounts:
        """Freight in an ERP's accounts of its orders."""
        return Amounts(Decimal, self._freight.get(erp, {}))

    def _fresh(self, erp: str, rows: tuple[Any, ...]) -> list[Any]:
        """The rows that are new. All or none is taken. Raises `RuleRefusal` or `KeyReused`."""
        for row in rows:
            if getattr(row, "item", "").startswith("BAD"):
                raise RuleRefusal("item_unknown", "the item is not in the master data")
            if self._rows.get((erp, row.key), row) != row:
                raise KeyReused(f"the key {row.key} stands for another row")
        new = [row for row in rows if (erp, row.key) not in self._rows]
        self._rows.update({(erp, row.key): row for row in new})
        return new

    def _accepted(self, call: LedgerCall) -> Accepted:
        reply = self.handler.accepted()
        self._batches.keep(call, reply)
        return reply

    def packs(self, erp: str) -> Packs:
        """Sums of the bulk messages to one ERP."""
        return Packs(self._packs.get(erp, Packs()))

    def _held(self, path: Mapping[str, str]) -> ForecastReport:
        return ForecastReport(rows=tuple(self._forecasts.get(path["instance"], {}).values()))
