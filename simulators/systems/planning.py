"""Stand-in planning: netted rows taken in bulk, each counted once by its own key, and the stock that they add up to.

Of open demand it keeps the highest revision of each order, item and site; what is open of an item is their sum.
"""

from collections import Counter
from collections.abc import Mapping
from functools import partial

from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from schemas.base import Contract
from schemas.messaging.instructions import (
    Accepted,
    PlanningAnswer,
    PlanningBatch,
    PlanningDemand,
    PlanningRow,
    RowRefusal,
)
from schemas.parsing import heard
from schemas.planning.demand import PlanningSignal, PlanningSignals
from schemas.planning.governor import PlanDecision
from simulators.systems.call_handling import CallHandler, RuleRefusal, answer, problem
from simulators.systems.ledger import ROW, Deed, KeyReused, LedgerCall, Replies, deed
from simulators.systems.lists import DemandLists, Packs, StockLists

STOCK = "stock:"


class ItemMovements(Contract):
    """Planning's figures of an item: packs by kind of movement, and open demand by site."""

    item: str
    packs: dict[str, int]
    demand: dict[str, int]


class UnknownItems(Contract):
    """Items that planning does not know: it refuses every row of theirs."""

    items: frozenset[str] = frozenset()


class PlanDecisions(Contract):
    """Planners' decisions about items at sites, as planning received them."""

    decisions: tuple[PlanDecision, ...] = ()


class DemandHeard(Contract):
    """Demand signals of an item that planning holds, the newest of each figure."""

    rows: tuple[PlanningSignal, ...] = ()


class Planning:
    """The books of planning."""

    def __init__(self, handler: CallHandler) -> None:
        self.handler = handler
        self._batches = Replies()
        self._packs = Counter[tuple[str, str, str]]()
        self._unknown = UnknownItems()
        self._decisions: list[PlanDecision] = []
        self._demand: dict[tuple[str, ...], PlanningSignal] = {}
        self._orders: dict[tuple[str, str, str], PlanningDemand] = {}

    def routes(self) -> list[Route]:
        """The Syncline REST API under `/planning`, and `GET | PUT /unknown-items`."""
        return [
            self.handler.takes("/v1/rows", PlanningBatch, self._take),
            self.handler.takes("/v1/replans", PlanDecision, self._decide),
            self.handler.shows("/v1/replans", lambda _: PlanDecisions(decisions=tuple(self._decisions))),
            self.handler.takes("/v1/demand-signals", PlanningSignals, self._hear),
            self.handler.shows("/v1/demand-signals/{item:path}", self._heard),
            self.handler.shows("/v1/items/{item:path}", self._find),
            *StockLists(self.handler, self._stock).routes(),
            *DemandLists(self.handler, self._open).routes(),
            Route("/unknown-items", self._set_unknown, methods=["GET", "PUT"]),
            *self.handler.control(),
        ]

    async def _set_unknown(self, request: Request) -> Response:
        if request.method == "PUT":
            try:
                self._unknown = heard(UnknownItems, await request.body())
            except ValidationError as error:
                return problem(422, "items_invalid", str(error))
        return answer(self._unknown)

    def _find(self, path: Mapping[str, str]) -> ItemMovements | None:
        kinds, demand = Counter[str](), Counter[str]()
        for (kind, item, _), packs in self._packs.items():
            if item == path["item"]:
                kinds[kind] += packs
        for (_, item, site), figure in self._orders.items():
            if item == path["item"]:
                demand[site] += figure.packs
        return ItemMovements(item=path["item"], packs=kinds, demand=demand) if kinds or demand else None

    def _open(self, _: str) -> Packs:
        """Open demand of orders by item and site."""
        packs: Packs = Counter()
        for (_, item, site), figure in self._orders.items():
            packs[item, site] += figure.packs
        return packs

    def _stock(self, _: str) -> Packs:
        """`in_transit:<site>`: what is on the way to or from a site."""
        stock = ((kind, item, site) for kind, item, site in self._packs if kind.startswith(STOCK))
        return Packs({(it[1], f"{it[0].removeprefix(STOCK)}:{it[2]}"): self._packs[it] for it in stock})

    def _take(self, call: LedgerCall, _: str, batch: PlanningBatch) -> Accepted:
        """Row by row. After a refused row, later ones of its item and site are refused as well."""
        replayed = self._batches.known(call)
        refused: dict[str, str] = {}
        behind: set[tuple[str, str]] = set()
        for row in batch.rows:
            if (row.item, row.site) in behind:
                refused[row.key] = "behind"
                continue
            this = LedgerCall(row.key, hash(row), call.traceparent)
            try:
                if replayed is not None and self.handler.ledger.known(this) is None:
                    continue  # it was refused then, and a repeat is answered as the first call was
                self.handler.ledger.once(this, _deed(row), partial(self._count, row))
            except (KeyReused, RuleRefusal) as error:
                refused[row.key] = error.code if isinstance(error, RuleRefusal) else "key_reused"
                behind.add((row.item, row.site))
        for figure in batch.demand:
            if code := self._replaced(figure):
                refused[figure.key] = code
        if replayed is not None:
            return replayed
        reply = PlanningAnswer(
            reference=self.handler.accepted().reference,
            refused=tuple(RowRefusal(key=key, code=code) for key, code in refused.items()),
        )
        self._batches.keep(call, reply)
        return reply

    def _replaced(self, figure: PlanningDemand) -> str | None:
        """Take a figure in, unless a newer one is known; why not, when it is refused."""
        if figure.item in self._unknown.items:
            return "unknown_item"
        about = (figure.order, figure.item, figure.site)
        held = self._orders.get(about)
        if held is not None and held.revision == figure.revision and held != figure:
            return "key_reused"
        if held is None or held.revision < figure.revision:
            self._orders[about] = figure
        return None

    def _hear(self, call: LedgerCall, _: str, batch: PlanningSignals) -> Accepted:
        """Row by row: a figure replaces an older one."""
        known = self._batches.known(call)
        if known is not None:
            return known
        refused = {}
        for row in batch.rows:
            try:
                this = LedgerCall(row.key, hash(row), call.traceparent)
                self.handler.ledger.once(this, deed("", ROW, "", row.item, row.kind, row.key), partial(self._note, row))
            except (KeyReused, RuleRefusal) as error:
                refused[row.key] = error.code if isinstance(error, RuleRefusal) else "key_reused"
        found = tuple(RowRefusal(key=key, code=code) for key, code in refused.items())
        reply = PlanningAnswer(reference=self.handler.accepted().reference, refused=found)
        self._batches.keep(call, reply)
        return reply

    def _note(self, row: PlanningSignal) -> Accepted:
        if row.item in self._unknown.items:
            raise RuleRefusal("unknown_item", "planning does not know this item")
        about = (row.source, row.kind, row.customer, row.item, row.site, row.day.isoformat())
        held = self._demand.get(about)
        if held is None or held.revision < row.revision:
            self._demand[about] = row
        return self.handler.accepted()

    def _heard(self, path: Mapping[str, str]) -> DemandHeard | None:
        rows = tuple(row for row in self._demand.values() if row.item == path["item"])
        return DemandHeard(rows=rows) if rows else None

    def _decide(self, call: LedgerCall, _: str, decision: PlanDecision) -> Accepted:
        def keep() -> Accepted:
            if decision.item in self._unknown.items:
                raise RuleRefusal("unknown_item", "planning does not know this item")
            self._decisions.append(decision)
            return self.handler.accepted()

        return self.handler.ledger.once(call, deed("", ROW, "", decision.item, "replan", decision.proposal), keep)

    def _count(self, row: PlanningRow) -> Accepted:
        if row.item in self._unknown.items:
            raise RuleRefusal("unknown_item", "planning does not know this item")
        self._packs[row.kind, row.item, row.site] += row.packs
        return self.handler.accepted()


def _deed(row: PlanningRow) -> Deed:
    return deed("", ROW, "", row.item, row.kind, row.key)
