"""Rules for a procurement document: its owner, its names, and its moments. Pure."""

from datetime import datetime

from domain.milestones.chronology import impossible_document
from domain.partners.parties import TRANSPORT_PARTNER, warehouse_partner
from schemas.cases.exceptions import Impossible
from schemas.procurement.purchase_orders import InboundStart
from schemas.procurement.sent_documents import SentDocument, SentInvoice, SentOrder, SentReceipt
from store.messaging import inbox


def parties_of(erp: str, order: SentOrder) -> list[str]:
    """The parties of a purchase order: its ERP, supplier, warehouse and transport desk, and its carrier if named."""
    named = [erp, order.supplier, warehouse_partner(order.site), TRANSPORT_PARTNER]
    return named + ([order.carrier] if order.carrier else [])


def impossible(document: SentDocument, start: InboundStart, ordered_at: datetime, message: inbox.Message) -> str | None:
    """The reason why a document cannot be true in time, where policy quarantines it."""
    rules = start.policy.chronology
    if rules.before_release is not Impossible.QUARANTINE:
        return None
    return impossible_document(document, ordered_at, message.received_at, rules)


def broken_order(order: SentOrder) -> str | None:
    """The rule that a transfer breaks whose supplier is not the site that it comes from: nothing is opened for it."""
    if order.from_site and order.supplier != warehouse_partner(order.from_site):
        return f"a transfer from {order.from_site} is supplied by {warehouse_partner(order.from_site)}"
    return None


def broken(document: SentDocument, start: InboundStart, partner: str) -> str | None:
    """The ownership rule that a document breaks: each partner speaks of its own."""
    owners = {start.supplier}
    if isinstance(document, SentOrder):
        owners = {start.erp}
    elif isinstance(document, SentReceipt):
        owners = {warehouse_partner(start.site)}
        if document.site != start.site:
            return f"the goods of purchase order {start.number} are not for {document.site}"
    elif isinstance(document, SentInvoice):
        owners = {start.supplier, start.erp}
    return None if partner in owners else f"{partner} does not own this document of purchase order {start.number}"
