"""Admission of procurement documents: bytes to one of them, and to what its workflow is told of it."""

from datetime import datetime

from gateway.admission import digest_of
from schemas.base import Contract
from schemas.door import admit, check, parse_json, refuse
from schemas.envelope import Envelope
from schemas.procurement import (
    PAPERS,
    DespatchAdvice,
    GoodsReceipt,
    Invoice,
    Paper,
    PurchaseOrder,
    SupplierConfirmation,
)
from schemas.purchasing import PurchaseDocument
from store import inbox

_TYPES = b"syncline.procurement."


def is_paper(raw: bytes) -> bool:
    """Whether bytes look like a procurement document, good or bad."""
    return _TYPES in raw


def admit_paper(raw: bytes) -> Envelope[Paper]:
    """Bytes to a document in its envelope. Raises `Refused`."""
    value = parse_json(raw)
    kind = value.get("type") if isinstance(value, dict) else None
    if not isinstance(kind, str) or kind not in PAPERS:
        refuse("type", f"must be one of {', '.join(PAPERS)}")
    envelope: Envelope[Paper] = check(Envelope[PAPERS[kind]], value)  # type: ignore[valid-type]
    return envelope


def number_of(paper: Paper) -> str:
    """The purchase order's number."""
    return paper.number if isinstance(paper, PurchaseOrder) else paper.po


class Placed(Contract):
    """A document of the inbox: which purchase order it belongs to, and how the workflow is told of it."""

    erp: str
    number: str
    document: PurchaseDocument


def paper_of(message: inbox.Message) -> tuple[Paper, Placed]:
    """The document that a message holds. Raises `Refused`."""
    if message.kind == inbox.PURCHASE:
        paper: Paper = admit(PurchaseOrder, message.raw)
        event_id = f"{message.partner}#{number_of(paper)}/r{paper.revision}/{digest_of(message.raw)[:12]}"
        return paper, _placed(message, paper, event_id, message.traceparent, message.received_at)
    envelope = admit_paper(message.raw)
    traceparent = envelope.traceparent or message.traceparent
    event_id = f"{envelope.source}#{envelope.id}"
    return envelope.data, _placed(message, envelope.data, event_id, traceparent, message.received_at)


def _placed(message: inbox.Message, paper: Paper, event_id: str, traceparent: str, received_at: datetime) -> Placed:
    document = PurchaseDocument(
        id=event_id,
        partner=message.partner,
        inbox_id=message.id,
        received_at=received_at,
        traceparent=traceparent,
        order=paper if isinstance(paper, PurchaseOrder) else None,
        confirmation=paper if isinstance(paper, SupplierConfirmation) else None,
        advice=paper if isinstance(paper, DespatchAdvice) else None,
        receipt=paper if isinstance(paper, GoodsReceipt) else None,
        invoice=paper if isinstance(paper, Invoice) else None,
    )
    erp = message.partner if isinstance(paper, PurchaseOrder) else paper.erp
    return Placed(erp=erp, number=number_of(paper), document=document)
