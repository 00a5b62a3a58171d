"""What follows from a purchase order's documents: where the packs are, supply, its record."""

from collections import Counter
from collections.abc import Iterator
from datetime import date

from domain.orders.goods import Holdings
from domain.procurement.inbound_trouble import coming, receipted
from domain.procurement.matching import packs, packs_of
from domain.procurement.purchase_order import LAST, PurchaseFile
from schemas.changes import Change
from schemas.ids import SupplyKey
from schemas.inventory.stock import Bucket, Moves, StockMoved, place
from schemas.inventory.supply import SuppliesChanged, Supply, SupplyKind
from schemas.orders.milestones import MilestoneKind
from schemas.procurement.documents import DespatchAdvice
from schemas.procurement.postings import SettlementDecision
from schemas.procurement.purchase_effects import PurchaseEffect
from schemas.procurement.purchase_orders import (
    InboundShipment,
    InboundShipmentsChanged,
    InvoiceRecord,
    InvoicesChanged,
    PurchaseEffectsPlanned,
    PurchaseLineRecord,
    PurchaseLinesChanged,
    PurchaseOrderChanged,
)
from schemas.workflows.records import StepRecord


def holdings(state: PurchaseFile) -> Holdings:
    """Where the packs are instead of where they come from. What left is in transit until it comes or is given up. What
    was not in a shipment, or was given up, never left its supplier, for the books; it did leave a site of ours."""
    held, items = Holdings(), {x.line.line: x.line.item for x in state.lines}
    sender = state.order.from_site if state.order else None
    origin = place(Bucket.ON_HAND, sender) if sender else place(Bucket.SUPPLIER, state.start.supplier)

    def put(there: str, line: int, count: int) -> None:
        if count and line in items:
            held[origin, items[line]] -= count
            held[there, items[line]] += count

    stranded = state.stranded
    for advice in state.advices:
        gone, lost = packs(advice.lines) - state.received_of(advice.shipment), advice.shipment in state.lost
        if not sender and (state.closed or lost):
            gone = stranded.get(advice.shipment, Counter())
        for line, count in gone.items():
            put(place(Bucket.SCRAP) if lost else place(Bucket.TRANSIT, advice.shipment), line, count)
    for receipt in state.receipts:
        for x in receipt.lines:
            put(place(Bucket.ON_HAND, state.start.site), x.line, x.packs - x.damaged)
            put(place(Bucket.BLOCKED, state.start.site), x.line, x.damaged)
    for y in state.lines if sender and not state.closed else ():
        left = y.wanted - max(y.advised, y.received)
        put(place(Bucket.ALLOCATED, sender or ""), y.line.line, max(0, left))
    return held


def supplies(state: PurchaseFile) -> tuple[Supply, ...]:
    """What is still to come of each line: a row for each shipment under way, and one for what has not left yet."""
    return tuple(_supplies(state))


def _supplies(state: PurchaseFile) -> Iterator[Supply]:
    for x in state.lines:
        under_way = 0
        for advice in state.advices:
            advised = packs(advice.lines)[x.line.line]
            if advised:
                left = state.missing_of(advice)[x.line.line]
                under_way += left
                day = state.arrives_on(advice)
                yield _supply(state, x.line.line, x.line.item, 0 if state.closed else left, day, advice.shipment)
        rest = max(0, coming(x) - x.received - under_way)
        yield _supply(state, x.line.line, x.line.item, 0 if state.closed else rest, x.wanted_on)


def _supply(state: PurchaseFile, line: int, item: str, count: int, day: date, shipment: str = "") -> Supply:
    start = state.start
    return Supply(
        key=str(SupplyKey(start.erp, start.number, line, shipment)),
        item=item,
        site=start.site,
        kind=SupplyKind.TRANSFER if state.transfer else SupplyKind.PURCHASE,
        ref=f"{'transfer' if state.transfer else 'PO'} {start.number}",
        packs=count,
        day=day,
        shipment=shipment,
    )


def record(state: PurchaseFile, effects: tuple[PurchaseEffect, ...], moves: Moves | None = None) -> StepRecord:
    """One step as it is written down: how everything stands, what is owed, how stock moved.

    Raises ValueError before the order itself is known.
    """
    if state.order is None:
        raise ValueError(f"{state.start.key}: nothing can be written before the order is known")
    supply = supplies(state)
    changes: list[Change] = [
        PurchaseOrderChanged(status=state.status, purchase=state.order, closed=state.settled),
        PurchaseLinesChanged(lines=_lines(state, supply)),
    ]
    if shipments := tuple(_shipment(state, advice) for advice in state.advices):
        changes.append(InboundShipmentsChanged(shipments=shipments))
    if invoices := _invoices(state):
        changes.append(InvoicesChanged(invoices=invoices))
    if effects:
        changes.append(PurchaseEffectsPlanned(effects=effects))
    if supply:
        changes.append(SuppliesChanged(supplies=supply))
    if moves:
        changes.append(StockMoved(moves=moves))
    return StepRecord(order=state.start.key, version=state.version, changes=tuple(changes))


def _lines(state: PurchaseFile, supply: tuple[Supply, ...]) -> tuple[PurchaseLineRecord, ...]:
    billed = _billed(state)
    return tuple(
        PurchaseLineRecord(
            line=x.line.line,
            item=x.line.item,
            ordered=x.line.packs,
            confirmed=x.confirmed,
            advised=x.advised,
            received=x.received,
            damaged=x.damaged,
            invoiced=billed[x.line.line],
            **x.line.rate.said,
            due_on=x.line.due_on,
            expected_on=max(
                (s.day for s in supply if s.packs and SupplyKey.parse(s.key).line == x.line.line), default=None
            ),
        )
        for x in state.lines
    )


def _billed(state: PurchaseFile) -> Counter[int]:
    """Packs of each line in released invoices."""
    billed, judged = Counter[int](), state.judged
    for x in state.invoices:
        if judged[x.number].decision is SettlementDecision.RELEASED:
            (billed.subtract if x.credits else billed.update)(packs_of(x))
    return billed


def _invoices(state: PurchaseFile) -> tuple[InvoiceRecord, ...]:
    judged = state.judged
    return tuple(
        InvoiceRecord(
            number=x.number,
            revision=x.revision,
            decision=judged[x.number].decision,
            match=judged[x.number].match,
            currency=x.currency,
            amount=x.amount,
            due_on=x.due_on,
            reasons=judged[x.number].reasons,
        )
        for x in state.invoices
    )


def _shipment(state: PurchaseFile, advice: DespatchAdvice) -> InboundShipment:
    last = state.milestones.get(f"{LAST}/{advice.shipment}")
    reported = last.kind if last else MilestoneKind.SHIPPED
    status = "received" if receipted(state, advice.shipment) else reported
    return InboundShipment(
        shipment=advice.shipment,
        carrier=advice.carrier or "",
        eta=state.arrives_at(advice),
        status=status,
        handling_units=advice.handling_units,
    )
