"""What follows from a purchase order's documents: effects, where the packs are, supply, its record."""

from collections.abc import Iterable, Iterator
from datetime import date
from typing import Any

from domain.inbound_trouble import coming, differences, receipted
from domain.procurement import PurchaseFile, packs, told_as
from domain.stock import Holdings
from schemas.effects import Operation
from schemas.milestones import MilestoneKind
from schemas.procurement import DespatchAdvice, GoodsReceipt
from schemas.purchasing import (
    ConfirmationReport,
    InboundShipment,
    InvoiceRecord,
    InvoiceSettlement,
    PostedLine,
    PurchaseEffect,
    PurchaseLineRecord,
    PurchaseRecord,
    ReceiptPosting,
    SettlementDecision,
)
from schemas.records import Outcome
from schemas.stock import Bucket, place
from schemas.supply import Supply, SupplyKind


def owed(before: PurchaseFile, after: PurchaseFile) -> tuple[PurchaseFile, tuple[PurchaseEffect, ...]]:
    """What the ERP must be told because of a step, and the state in which it has been."""
    effects: list[PurchaseEffect] = []
    for name, document in after.documents.items():
        if before.order and before.documents.get(name) == document:
            continue
        if document.confirmation and after.order:
            report = ConfirmationReport(
                po=after.order.number,
                revision=document.confirmation.revision,
                differences=tuple(differences(after, document.confirmation)),
            )
            effects.append(
                _effect(
                    after, name, Operation.REPORT_CONFIRMATION, f"confirmation/r{report.revision}", confirmed=report
                )
            )
        if document.receipt and after.order:
            posting = _posting(after, document.receipt)
            key = f"receipt/{posting.number}/r{posting.revision}"
            effects.append(_effect(after, name, Operation.POST_RECEIPT, key, posting=posting))
    told = dict(after.told)
    for number, verdict in after.judged.items():
        invoice = next(x for x in after.invoices if x.number == number)
        known = told.get(told_as(invoice))
        if known is verdict.decision:
            continue
        told[told_as(invoice)] = verdict.decision
        settlement = InvoiceSettlement(
            po=invoice.po,
            number=number,
            revision=invoice.revision,
            decision=verdict.decision,
            match=verdict.match,
            currency=invoice.currency,
            amount=invoice.amount,
            reasons=verdict.reasons,
        )
        key = f"invoice/{told_as(invoice)}/{verdict.decision}"
        effects.append(_effect(after, f"invoice/{number}", Operation.SETTLE_INVOICE, key, settlement=settlement))
    return after.model_copy(update={"told": told}), tuple(effects)


def _posting(state: PurchaseFile, receipt: GoodsReceipt) -> ReceiptPosting:
    items = {x.line.line: x.line.item for x in state.lines}
    return ReceiptPosting(
        po=receipt.po,
        number=receipt.number,
        revision=receipt.revision,
        site=receipt.site,
        shipment=receipt.shipment or "",
        received_at=receipt.received_at,
        lines=tuple(
            PostedLine(line=x.line, item=items.get(x.line, "-"), packs=x.packs, damaged=x.damaged)
            for x in receipt.lines
        ),
    )


def _effect(state: PurchaseFile, name: str, operation: Operation, key: str, **said: Any) -> PurchaseEffect:
    cause = state.documents[name]
    return PurchaseEffect(
        key=f"{state.start.key}/{key}",
        order=state.start.key,
        operation=operation,
        accepted_at=cause.received_at,
        traceparent=cause.traceparent,
        shipment=(cause.receipt.shipment or "") if cause.receipt else "",
        site=state.start.site,
        **said,
    )


def holdings(state: PurchaseFile) -> Holdings:
    """Where the packs are instead of at the supplier. What a closed order did not bring never left, for the books."""
    held = Holdings()
    supplier = place(Bucket.SUPPLIER, state.start.supplier)
    items = {x.line.line: x.line.item for x in state.lines}

    def put(there: str, line: int, count: int) -> None:
        if count and line in items:
            held[supplier, items[line]] -= count
            held[there, items[line]] += count

    for advice in state.advices if not state.closed else ():
        for line, count in (packs(advice.lines) - state.received_of(advice.shipment)).items():
            put(place(Bucket.TRANSIT, advice.shipment), line, count)
    for receipt in state.receipts:
        for x in receipt.lines:
            put(place(Bucket.ON_HAND, state.start.site), x.line, x.packs - x.damaged)
            put(place(Bucket.BLOCKED, state.start.site), x.line, x.damaged)
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
                left = max(0, advised - state.received_of(advice.shipment)[x.line.line])
                under_way += left
                day = state.arrives_at(advice).date()
                yield _supply(state, x.line.line, x.line.item, 0 if state.closed else left, day, advice.shipment)
        rest = max(0, coming(x.line.packs, x.confirmed) - x.received - under_way)
        yield _supply(state, x.line.line, x.line.item, 0 if state.closed else rest, x.wanted_on)


def _supply(state: PurchaseFile, line: int, item: str, count: int, day: date, shipment: str = "") -> Supply:
    start = state.start
    return Supply(
        key="/".join(part for part in ("po", start.erp, start.number, str(line), shipment) if part),
        item=item,
        site=start.site,
        kind=SupplyKind.PURCHASE,
        ref=f"PO {start.number}",
        packs=count,
        day=day,
        shipment=shipment,
    )


def record(state: PurchaseFile, outcomes: Iterable[Outcome], effects: tuple[PurchaseEffect, ...]) -> PurchaseRecord:
    """One step as it is written down. Raises ValueError before the order itself is known."""
    if state.order is None:
        raise ValueError(f"{state.start.key}: nothing can be written before the order is known")
    supply, judged = supplies(state), state.judged
    billed = packs(
        line for x in state.invoices if judged[x.number].decision is SettlementDecision.RELEASED for line in x.lines
    )
    return PurchaseRecord(
        order=state.start.key,
        version=state.version,
        status=state.status,
        purchase=state.order,
        closed=state.settled,
        lines=tuple(
            PurchaseLineRecord(
                line=x.line.line,
                item=x.line.item,
                ordered=x.line.packs,
                confirmed=x.confirmed,
                advised=x.advised,
                received=x.received,
                damaged=x.damaged,
                invoiced=billed[x.line.line],
                unit_price=x.line.unit_price,
                due_on=x.line.due_on,
                expected_on=max(
                    (s.day for s in supply if s.packs and s.key.split("/")[3] == str(x.line.line)), default=None
                ),
            )
            for x in state.lines
        ),
        shipments=tuple(_shipment(state, advice) for advice in state.advices),
        invoices=tuple(
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
        ),
        outcomes=tuple(outcomes),
        effects=effects,
        supplies=supply,
    )


def _shipment(state: PurchaseFile, advice: DespatchAdvice) -> InboundShipment:
    reported = [x for x in state.milestones.values() if x.shipment == advice.shipment]
    last = max(reported, key=lambda x: (x.occurred_at, x.id)).kind if reported else MilestoneKind.SHIPPED
    status = "received" if receipted(state, advice.shipment) else last
    return InboundShipment(
        shipment=advice.shipment, carrier=advice.carrier or "", eta=state.arrives_at(advice), status=status
    )
