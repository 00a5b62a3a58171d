"""Taking in what is said about a purchase order: documents, and what carriers report on its shipments.

Of two documents that say different things under one revision the first holds: others have been told of it.
"""

from domain.milestones.reports import MilestoneReport, heard
from domain.procurement.purchase_order import CAME, DATED, LAST, PurchaseFile, with_changes
from schemas.orders.milestones import MilestoneEvent, MilestoneKind
from schemas.procurement.documents import ProcurementDocument
from schemas.procurement.purchase_orders import PurchaseDocument

OLDER, AGAIN = "a higher revision of this document is known", "this document is known"
OTHER = "another document has this number and revision: a correction needs a higher revision"
LATER = "something that happened later is known of this shipment"


def said(document: PurchaseDocument) -> tuple[str, ProcurementDocument]:
    """The name of a document within its purchase order, and the document. Raises ValueError when it holds none."""
    if document.order:
        return "order", document.order
    if document.confirmation:
        return "confirmation", document.confirmation
    if document.advice:
        return f"advice/{document.advice.shipment}", document.advice
    if document.receipt:
        return f"receipt/{document.receipt.number}", document.receipt
    if document.invoice:
        return f"invoice/{document.invoice.number}", document.invoice
    raise ValueError(f"document {document.id} is empty")


def take(state: PurchaseFile, document: PurchaseDocument) -> tuple[PurchaseFile, str | None]:
    """Take in a document; with why it changed nothing, if so. What was paid, posted or booked under a revision is never
    exchanged for something else under the same one."""
    name, body = said(document)
    if known := state.documents.get(name):
        before = said(known)[1]
        if known.id == document.id or body == before:
            return state, AGAIN
        if before.revision >= body.revision:
            return state, OLDER if before.revision > body.revision else OTHER
    return with_changes(state, documents={**state.documents, name: document}), None


def take_milestone(state: PurchaseFile, event: MilestoneEvent) -> tuple[PurchaseFile, str | None]:
    """Take in what a carrier reports on a shipment; with why it changed nothing, if so."""
    known, corrected = dict(state.milestones), dict(state.corrected)
    if event.id in {it.id for it in (*known.values(), *(it for kept in corrected.values() for it in kept))}:
        return state, f"{event.kind} was reported before"
    marks = {LAST: True, DATED: event.eta is not None, CAME: event.kind is MilestoneKind.DELIVERED}
    for name in (f"{mark}/{event.shipment}" for mark, counts in marks.items() if counts):
        before = corrected.get(name) or ((known[name],) if name in known else ())
        known[name], corrected[name] = _heard(before, event)
    news = known != state.milestones
    return with_changes(state, milestones=known, corrected={it: kept for it, kept in corrected.items() if kept}), (
        None if news else LATER
    )


def _heard(
    known: tuple[MilestoneEvent, ...], event: MilestoneEvent
) -> tuple[MilestoneEvent, tuple[MilestoneEvent, ...]]:
    """The report that counts, and those that are kept because of corrections."""
    said = {it.id: it for it in (*known, event)}
    counts, kept = heard([MilestoneReport.of(it, {}) for it in known], MilestoneReport.of(event, {}))
    return said[counts.event], tuple(said[it.event] for it in kept)
