"""Admission of procurement documents: bytes to one of them, and to what its workflow is told of it."""

from dataclasses import dataclass

from dispatch.events.admission import digest_of
from schemas.base import Contract
from schemas.ids import EventKey, purchase_key
from schemas.messaging.envelope import Envelope
from schemas.parsing import check, parse_json, parse_strict, refuse
from schemas.procurement.documents import (
    DespatchAdvice,
    GoodsReceipt,
    Invoice,
    ProcurementDocument,
    PurchaseOrder,
    SupplierConfirmation,
)
from schemas.procurement.purchase_orders import PurchaseDocument
from schemas.procurement.sent_documents import SENT, SentDocument, SentOrder
from store.messaging import inbox

_TYPES = "syncline.procurement."


def is_document(kind: str | None) -> bool:
    """Whether the type that a message states is one of procurement documents, known or not."""
    return kind is not None and kind.startswith(_TYPES)


def parse_document(raw: bytes) -> Envelope[SentDocument]:
    """Bytes to a document in its envelope. Raises `Refused`."""
    value = parse_json(raw)
    kind = value.get("type") if isinstance(value, dict) else None
    if not isinstance(kind, str) or kind not in SENT:
        refuse("type", f"must be one of {', '.join(SENT)}")
    envelope: Envelope[SentDocument] = check(Envelope[SENT[kind]], value)  # type: ignore[valid-type]
    return envelope


class PlacedDocument(Contract):
    """A document of the inbox: its purchase order, and the signal to the workflow."""

    erp: str
    number: str
    document: PurchaseDocument


@dataclass(frozen=True)
class ReadDocument:
    """A document of the inbox as it was sent: of which purchase order, and the id under which it is known."""

    message: inbox.Message
    document: SentDocument
    id: str
    traceparent: str

    @property
    def erp(self) -> str:
        """The ERP of the purchase order."""
        return self.message.partner if isinstance(self.document, SentOrder) else self.document.erp

    @property
    def number(self) -> str:
        """The purchase order's number."""
        return self.document.number if isinstance(self.document, SentOrder) else self.document.po

    @property
    def key(self) -> str:
        """The purchase order's key."""
        return purchase_key(self.erp, self.number)

    def placed(self, counted: ProcurementDocument) -> PlacedDocument:
        """The document in our units, as its workflow gets it."""
        document = PurchaseDocument(
            id=self.id,
            partner=self.message.partner,
            inbox_id=self.message.id,
            received_at=self.message.received_at,
            traceparent=self.traceparent,
            order=counted if isinstance(counted, PurchaseOrder) else None,
            confirmation=counted if isinstance(counted, SupplierConfirmation) else None,
            advice=counted if isinstance(counted, DespatchAdvice) else None,
            receipt=counted if isinstance(counted, GoodsReceipt) else None,
            invoice=counted if isinstance(counted, Invoice) else None,
        )
        return PlacedDocument(erp=self.erp, number=self.number, document=document)


def read(message: inbox.Message) -> ReadDocument:
    """The document that a message holds. Raises `Refused`."""
    if message.kind == inbox.PURCHASE:
        order = parse_strict(SentOrder, message.raw)
        event_id = f"{message.partner}#{order.number}/r{order.revision}/{digest_of(message.raw)[:12]}"
        return ReadDocument(message, order, event_id, message.traceparent)
    envelope = parse_document(message.raw)
    event_id = str(EventKey(envelope.source, envelope.id))
    return ReadDocument(message, envelope.data, event_id, envelope.traceparent or message.traceparent)
