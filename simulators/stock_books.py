"""Stand-in stock and forecasts of every ERP: what each was told in bulk, every row counted once by its key."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from starlette.routing import Route

from schemas.base import Contract
from schemas.erp_feed import ErpForecast, ErpForecastBatch, ErpStockBatch, ErpStockMovement
from schemas.instructions import Accepted
from schemas.stock import Bucket, Figure, place
from schemas.supply import StockReport
from simulators.desk import Desk, Refusal
from simulators.ledger import Call, KeyReused, Replies


class ForecastBook(Contract):
    """Every forecast that an ERP holds, the newest of each period."""

    rows: tuple[ErpForecast, ...] = ()


class StockBooks:
    """Stock that is told beside orders, and forecasts, of every ERP. An item that begins with `BAD` is unknown."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self._batches = Replies()
        self._rows: dict[tuple[str, str], ErpStockMovement | ErpForecast] = {}
        self._packs: dict[str, Counter[tuple[str, str]]] = {}
        self._forecasts: dict[str, dict[tuple[str, ...], ErpForecast]] = {}

    def routes(self) -> list[Route]:
        """The dialect under `/erp`."""
        return [
            self.desk.takes("/{instance}/v1/stock-movements", ErpStockBatch, self._move),
            self.desk.takes("/{instance}/v1/forecasts", ErpForecastBatch, self._forecast),
            self.desk.shows("/{instance}/v1/stock", self._stock),
            self.desk.shows("/{instance}/v1/forecasts", self._held),
        ]

    def _move(self, call: Call, erp: str, batch: ErpStockBatch) -> Accepted:
        books = self._packs.setdefault(erp, Counter())
        known = self._batches.known(call)
        for row in self._fresh(erp, batch.rows):
            books[place(Bucket.ON_HAND, row.site), row.item] += row.on_hand
            books[place(Bucket.BLOCKED, row.site), row.item] += row.blocked
        return known or self._accepted(call)

    def _forecast(self, call: Call, erp: str, batch: ErpForecastBatch) -> Accepted:
        held = self._forecasts.setdefault(erp, {})
        known = self._batches.known(call)
        for row in self._fresh(erp, batch.rows):
            held[row.item, row.site, row.bucket, row.period.isoformat()] = row
        return known or self._accepted(call)

    def _fresh(self, erp: str, rows: tuple[Any, ...]) -> list[Any]:
        """The rows that are new. All or none is taken. Raises `Refusal` or `KeyReused`."""
        for row in rows:
            if row.item.startswith("BAD"):
                raise Refusal("item_unknown", "the item is not in the master data")
            if self._rows.get((erp, row.key), row) != row:
                raise KeyReused(f"the key {row.key} stands for another row")
        new = [row for row in rows if (erp, row.key) not in self._rows]
        self._rows.update({(erp, row.key): row for row in new})
        return new

    def _accepted(self, call: Call) -> Accepted:
        reply = self.desk.accepted()
        self._batches.keep(call, reply)
        return reply

    def _stock(self, path: Mapping[str, str]) -> StockReport:
        packs = self._packs.get(path["instance"], Counter())
        figures = (Figure(place=at, item=item, packs=n) for (at, item), n in sorted(packs.items()) if n)
        return StockReport(figures=tuple(figures))

    def _held(self, path: Mapping[str, str]) -> ForecastBook:
        return ForecastBook(rows=tuple(self._forecasts.get(path["instance"], {}).values()))
