"""Stock books of every site: what its warehouse did, by its own word, in the order in which it did it.

A warehouse is named by the partner that speaks for it; see `simulators.world.plans.warehouse_of`.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import NamedTuple

from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from schemas.inventory.reports import InventoryBatch, InventoryKind, InventoryReport
from schemas.inventory.stock import Bucket, place
from schemas.messaging.effects import LineTarget
from schemas.messaging.envelope import TYPE_MILESTONE, Envelope
from schemas.orders.milestones import Disposition, Milestone, ShippedLine
from schemas.orders.milestones import MilestoneKind as M
from schemas.parsing import heard
from schemas.procurement.documents import DespatchAdvice, GoodsReceipt
from simulators.systems.call_handling import problem
from simulators.systems.lists import Packs
from simulators.world.plans import warehouse_of

Instructions = Mapping[str, tuple[LineTarget, ...]]
"""order → the packs that a site is told to send."""
HANDLED = frozenset({M.SHIPPED, M.SHORT_PICKED, M.RETURN_RECEIVED, M.RETURN_INSPECTED})
"""Milestones that move packs in a warehouse's books. Picked goods stay set aside until they leave."""


class BucketChange(NamedTuple):
    """Packs that a bucket gained, or lost when negative."""

    at: datetime
    bucket: Bucket
    item: str
    packs: int


class Issue(NamedTuple):
    """A report of goods that left in a shipment: packs by line and item."""

    at: datetime
    sequence: int
    event: str
    corrects: str | None
    packs: Counter[tuple[int, str]]


def counting(said: Mapping[str, Issue]) -> Counter[tuple[int, str]]:
    """What left, by the reports of a shipment by their ids: what the newest of those says that none corrects."""
    corrected = {it.corrects for it in said.values()}
    standing = [it for it in said.values() if it.event not in corrected]
    named = ((it, said.get(it.corrects or "", it)) for it in standing)
    newest = max(named, key=lambda pair: (bool(pair[0].packs), max(it[:3] for it in pair)), default=None)
    return newest[0].packs if newest else Counter()


class WmsStock:
    """The stock of every warehouse. What is set aside follows from its instructions: nobody tells of it."""

    def __init__(self) -> None:
        self._moved: defaultdict[str, list[BucketChange]] = defaultdict(list)
        self._known: set[tuple[str, ...]] = set()
        self._items: dict[tuple[str, str, int], str] = {}
        self._issued = Counter[tuple[str, str, int]]()
        self._issues: defaultdict[tuple[str, str, str], dict[str, Issue]] = defaultdict(dict)
        self._back = Counter[tuple[str, str, int, Disposition | None]]()

    def routes(self) -> list[Route]:
        """The driver's, where it plays a warehouse: `PUT /reports`, and `PUT /said/{partner}` with an event."""
        return [
            Route("/said/{partner}", self._hear, methods=["PUT"]),
            Route("/reports", self._take, methods=["PUT"]),
        ]

    def figures(self, site: str, instructions: Instructions) -> Packs:
        """Packs of each item at each place of a site."""
        warehouse, found = warehouse_of(site), Packs()
        for it in self._moved[warehouse]:
            found[it.item, place(it.bucket, site)] += it.packs
        for order, lines in instructions.items():
            for line in lines:
                waiting = max(0, line.quantity - self._issued[warehouse, order, line.line])
                found[line.item, place(Bucket.ON_HAND, site)] -= waiting
                found[line.item, place(Bucket.ALLOCATED, site)] += waiting
        return found

    def instructed(self, site: str, order: str, lines: Iterable[LineTarget]) -> None:
        """A warehouse learns of which item the lines of an order are."""
        for it in lines:
            if it.quantity > 0:
                self._items[warehouse_of(site), order, it.line] = it.item

    def said(self, partner: str, body: bytes) -> None:
        """A partner says what happened: a warehouse does not say it before it has booked it. Repeats change nothing."""
        if not partner.startswith("wms-") or TYPE_MILESTONE.encode() not in body:
            return
        event = heard(Envelope[Milestone], body)
        if event.data.kind in HANDLED and self._fresh(partner, event.id):
            by_order: defaultdict[str, list[ShippedLine]] = defaultdict(list)
            for line in event.data.lines:
                kept = ShippedLine(line=line.line, quantity=int(line.quantity))
                by_order[line.order or event.data.order or ""].append(kept)
            for order, lines in by_order.items():
                if event.data.kind is M.SHIPPED:
                    self._left(partner, order, event, lines)
                else:
                    self._handled(partner, order, event.data, lines)

    def received(self, receipt: GoodsReceipt, items: Mapping[int, str]) -> None:
        """A warehouse receives packs of a purchase order, and never corrects that."""
        warehouse = warehouse_of(receipt.site)
        if self._fresh(warehouse, receipt.erp or "", receipt.po, receipt.number):
            for line in receipt.lines:
                self._move(warehouse, Bucket.ON_HAND, items[line.line], line.packs - line.damaged)
                self._move(warehouse, Bucket.BLOCKED, items[line.line], line.damaged)

    def sent(self, advice: DespatchAdvice, items: Mapping[int, str], warehouse: str) -> None:
        """A warehouse sends packs of a transfer to another site."""
        if self._fresh(warehouse, advice.erp, advice.po, "sent", advice.shipment):
            for line in advice.lines:
                self._issued[warehouse, advice.po, line.line] += line.packs
                self._move(warehouse, Bucket.ON_HAND, items[line.line], -line.packs)

    def reported(self, report: InventoryReport) -> None:
        """A warehouse finds packs, or that some are damaged, or gone. Repeats change nothing."""
        warehouse = warehouse_of(report.site)
        if not self._fresh(warehouse, "report", report.id):
            return
        free, blocked = Bucket.ON_HAND, Bucket.BLOCKED
        gained: dict[Bucket, int] = {
            InventoryKind.RECEIPT: {free: 1},
            InventoryKind.DAMAGE: {free: -1, blocked: 1},
            InventoryKind.UNBLOCK: {free: 1, blocked: -1},
            InventoryKind.SCRAP: {blocked: -1},
            InventoryKind.COUNT: {free: 1},
        }[report.kind]
        packs = report.quantity
        if report.kind is InventoryKind.COUNT:
            before = (it for it in self._moved[warehouse] if (it.bucket, it.item) == (free, report.item))
            packs -= sum(it.packs for it in before if it.at <= report.occurred_at)
        for bucket, sign in gained.items():
            self._move(warehouse, bucket, report.item, sign * packs, report.occurred_at)

    async def _hear(self, request: Request) -> Response:
        try:
            self.said(request.path_params["partner"], await request.body())
        except ValidationError as error:
            return problem(422, "event_invalid", str(error))
        return Response(status_code=204)

    async def _take(self, request: Request) -> Response:
        try:
            batch = heard(InventoryBatch, await request.body())
        except ValidationError as error:
            return problem(422, "reports_invalid", str(error))
        for report in sorted(batch.reports, key=lambda x: (x.occurred_at, x.id)):
            self.reported(report)
        return Response(status_code=204)

    def _left(self, warehouse: str, order: str, event: Envelope[Milestone], lines: Iterable[ShippedLine]) -> None:
        """Goods left in a shipment. Of a correction what was posted is reversed, and what is right is posted anew."""
        told, said = event.data, self._issues[warehouse, order, event.data.shipment or ""]
        named = ((it.line, self._items.get((warehouse, order, it.line)), it.quantity) for it in lines)
        packs = Counter({(line, item): quantity for line, item, quantity in named if item})
        before = counting(said)
        said[event.id] = Issue(told.occurred_at, told.sequence, event.id, told.corrects, packs)
        after = counting(said)
        for sign, posted in ((-1, before), (1, after)) if before != after else ():
            for (line, item), quantity in posted.items():
                self._issued[warehouse, order, line] += sign * quantity
                self._move(warehouse, Bucket.ON_HAND, item, -sign * quantity)

    def _handled(self, warehouse: str, order: str, told: Milestone, lines: Iterable[ShippedLine]) -> None:
        for line in lines:
            item = self._items.get((warehouse, order, line.line))
            if item is None:
                continue
            if told.kind is M.SHORT_PICKED:
                self._move(warehouse, Bucket.ON_HAND, item, -line.quantity)
            else:
                self._came_back(warehouse, item, told, line)

    def _came_back(self, warehouse: str, item: str, told: Milestone, line: ShippedLine) -> None:
        """What was inspected has been received, whether that was said or not."""
        rma, kinds = told.rma or "", (None, *Disposition)
        before = {kind: self._back[warehouse, rma, line.line, kind] for kind in kinds}
        after = Counter(before)
        after[told.disposition if told.kind is M.RETURN_INSPECTED else None] += line.quantity
        self._back.update({(warehouse, rma, line.line, kind): after[kind] - before[kind] for kind in kinds})
        waiting = [max(0, it[None] - it[Disposition.RESTOCK] - it[Disposition.SCRAP]) for it in (before, after)]
        restocked = after[Disposition.RESTOCK] - before[Disposition.RESTOCK]
        self._move(warehouse, Bucket.RETURNS, item, waiting[1] - waiting[0])
        self._move(warehouse, Bucket.ON_HAND, item, restocked)

    def _move(self, warehouse: str, bucket: Bucket, item: str, packs: int, at: datetime | None = None) -> None:
        self._moved[warehouse].append(BucketChange(at or datetime.now(UTC), bucket, item, packs))

    def _fresh(self, *name: str) -> bool:
        known = name in self._known
        self._known.add(name)
        return not known
