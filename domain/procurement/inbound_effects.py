"""What the ERP, and the warehouse that sends a transfer, must be told because of a step of a purchase order."""

from collections.abc import Iterator

from domain.procurement.inbound_trouble import differences
from domain.procurement.purchase_order import PurchaseFile, told_as
from schemas.base import Moment
from schemas.cases.exceptions import Action
from schemas.ids import EffectKey
from schemas.procurement.documents import DespatchAdvice, GoodsReceipt, PurchaseOrder
from schemas.procurement.postings import (
    AgreedLine,
    ConfirmationReport,
    DecisionReport,
    InvoiceSettlement,
    IssuePosting,
    PostedLine,
    ReceiptPosting,
    SettlementDecision,
    TransferInstruction,
    TransferLine,
)
from schemas.procurement.purchase_effects import (
    InstructTransfer,
    PostIssue,
    PostReceipt,
    PurchaseEffect,
    PurchasePayload,
    ReportConfirmation,
    ReportDecision,
    SettleInvoice,
)
from schemas.procurement.purchase_orders import PurchaseDecision, PurchaseDocument

TOLD = frozenset({Action.ACCEPT, Action.ASK_AGAIN, Action.WRITE_OFF, Action.CLOSE_UNINVOICED})
"""Decisions that the ERP is told of as such; those about an invoice go with its settlement."""


def owed(before: PurchaseFile, after: PurchaseFile) -> tuple[PurchaseFile, tuple[PurchaseEffect, ...]]:
    """What others must be told because of a step, and the state in which they have been."""
    effects: list[PurchaseEffect] = []
    for document in [x for name, x in after.documents.items() if not before.order or before.documents.get(name) != x]:
        effects.extend(_of_document(after, document))
    if after.order and after.order.from_site and to_send(after) != to_send(before):
        instruction = _transfer(after, after.order, after.order.from_site)
        key, cause = f"transfer/v{instruction.version}", after.documents["order"]
        effects.append(_effect(after, cause, key, InstructTransfer(message=instruction)))
    for decision in after.decisions[len(before.decisions) :]:
        if decision.action in TOLD:
            effects.append(_of_decision(after, decision))
    told = dict(after.told)
    for effect in _settlements(after, told):
        effects.append(effect)
    return after.model_copy(update={"told": told}), tuple(effects)


def _of_document(after: PurchaseFile, document: PurchaseDocument) -> Iterator[PurchaseEffect]:
    if after.order is None:
        return
    if document.confirmation:
        report = ConfirmationReport(
            po=after.order.number,
            revision=document.confirmation.revision,
            differences=tuple(differences(after, document.confirmation)),
        )
        key = f"confirmation/r{report.revision}"
        yield _effect(after, document, key, ReportConfirmation(site=after.start.site, message=report))
    if document.advice and after.order.from_site:
        issue = _issue(after, document.advice, after.order.from_site)
        key = f"issue/{issue.shipment}/r{issue.revision}"
        yield _effect(after, document, key, PostIssue(message=issue))
    if document.receipt:
        posting = _posting(after, document.receipt)
        key = f"receipt/{posting.number}/r{posting.revision}"
        yield _effect(after, document, key, PostReceipt(message=posting))


def _settlements(after: PurchaseFile, told: dict[str, SettlementDecision]) -> Iterator[PurchaseEffect]:
    """What becomes of each invoice, where the ERP was told otherwise, or nothing; notes that it is `told`."""
    causes = {x.invoice.number: x for x in after.documents.values() if x.invoice}
    invoices = {x.number: x for x in after.invoices}
    for number, verdict in after.judged.items():
        invoice = invoices[number]
        if told.get(told_as(invoice)) is verdict.decision:
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
        yield _effect(after, causes[number], key, SettleInvoice(site=after.start.site, message=settlement))


def _of_decision(state: PurchaseFile, decision: PurchaseDecision) -> PurchaseEffect:
    rates = decision.rates
    report = DecisionReport(
        po=state.start.number,
        id=decision.id,
        action=decision.action,
        lines=tuple(
            AgreedLine(line=n, packs=decision.wanted.get(n), **rates[n].said if n in rates else {})
            for n in sorted({*decision.wanted, *rates})
        ),
        about=decision.about,
    )
    payload = ReportDecision(site=state.start.site, message=report)
    return _owed(state, f"decision/{decision.id}", decision.at, decision.traceparent, payload)


def _items(state: PurchaseFile) -> dict[int, str]:
    return {x.line.line: x.line.item for x in state.lines}


def to_send(state: PurchaseFile) -> tuple[TransferLine, ...]:
    """All that the site of a transfer is to send, sent packs among them; nothing more when the order is closed."""
    return tuple(
        TransferLine(line=x.line.line, item=x.line.item, packs=x.advised if state.closed else max(x.wanted, x.advised))
        for x in state.lines
    )


def _transfer(state: PurchaseFile, order: PurchaseOrder, site: str) -> TransferInstruction:
    return TransferInstruction(
        po=order.number,
        version=state.version,
        site=site,
        to_site=state.start.site,
        lines=to_send(state),
        wanted_on=min(x.due_on for x in order.lines),
    )


def _issue(state: PurchaseFile, advice: DespatchAdvice, site: str) -> IssuePosting:
    items = _items(state)
    return IssuePosting(
        po=advice.po,
        shipment=advice.shipment,
        revision=advice.revision,
        site=site,
        shipped_at=advice.shipped_at,
        lines=tuple(
            TransferLine(line=x.line, item=items[x.line], packs=x.packs) for x in advice.lines if x.line in items
        ),
    )


def _posting(state: PurchaseFile, receipt: GoodsReceipt) -> ReceiptPosting:
    items = _items(state)
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


def _effect(state: PurchaseFile, cause: PurchaseDocument, key: str, payload: PurchasePayload) -> PurchaseEffect:
    return _owed(state, key, cause.received_at, cause.traceparent, payload)


def _owed(
    state: PurchaseFile, key: str, accepted_at: Moment, traceparent: str, payload: PurchasePayload
) -> PurchaseEffect:
    return PurchaseEffect(
        key=str(EffectKey(state.start.subject, key)),
        order=state.start.key,
        accepted_at=accepted_at,
        traceparent=traceparent,
        payload=payload,
    )
