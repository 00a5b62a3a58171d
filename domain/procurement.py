"""A purchase order as pure functions over its documents, which come in any order, any number of times.

The state is a set of documents: of each the highest revision. Everything else follows from them, so any order and any
repetition ends in the same state. Only what the ERP was told about invoices is remembered: money is paid once.
"""

from collections import Counter
from collections.abc import Iterable
from datetime import date, datetime
from typing import Any, NamedTuple

from domain.matching import Invoiced, Verdict, verdicts
from schemas.base import Contract, Moment
from schemas.milestones import MilestoneEvent, MilestoneKind
from schemas.procurement import (
    DespatchAdvice,
    GoodsReceipt,
    Invoice,
    Paper,
    PurchaseLine,
    PurchaseOrder,
    SupplierConfirmation,
)
from schemas.purchasing import InboundStart, PurchaseDocument, PurchaseStatus, SettlementDecision

OLDER, AGAIN = "a higher revision of this document is known", "this document is known"


class LineState(NamedTuple):
    """A line as its documents say, in packs. `confirmed` is None until the supplier has confirmed anything."""

    line: PurchaseLine
    confirmed: int | None
    confirmed_on: date | None
    advised: int
    received: int
    damaged: int

    @property
    def wanted_on(self) -> date:
        """The day that counts before a shipment is known."""
        return self.confirmed_on or self.line.due_on


class PurchaseFile(Contract):
    """Everything the workflow knows of its purchase order. Frozen: each document makes a new one.

    `told`: what the ERP was told of each revision of an invoice. `looked_at`: deadlines up to then have passed.
    """

    start: InboundStart
    documents: dict[str, PurchaseDocument] = {}  # noqa: RUF012 - pydantic copies field defaults
    milestones: dict[str, MilestoneEvent] = {}  # noqa: RUF012
    told: dict[str, SettlementDecision] = {}  # noqa: RUF012
    looked_at: Moment | None = None
    version: int = 0

    @property
    def order(self) -> PurchaseOrder | None:
        """The purchase order itself, once it is known."""
        known = self.documents.get("order")
        return known.order if known else None

    @property
    def confirmation(self) -> SupplierConfirmation | None:
        """What the supplier confirmed."""
        known = self.documents.get("confirmation")
        return known.confirmation if known else None

    @property
    def advices(self) -> tuple[DespatchAdvice, ...]:
        """Shipments, by number."""
        return tuple(x.advice for x in self._each() if x.advice)

    @property
    def receipts(self) -> tuple[GoodsReceipt, ...]:
        """Receipts, by number."""
        return tuple(x.receipt for x in self._each() if x.receipt)

    @property
    def invoices(self) -> tuple[Invoice, ...]:
        """Invoices, by number."""
        return tuple(x.invoice for x in self._each() if x.invoice)

    @property
    def carrier(self) -> str:
        """The first carrier that is named: a rule about cases may depend on it."""
        named = [advice.carrier for advice in self.advices] + [self.order.carrier if self.order else None]
        return next((carrier for carrier in named if carrier), "")

    @property
    def promised_on(self) -> date | None:
        """The day on which the last line is due."""
        return max((line.due_on for line in self.order.lines), default=None) if self.order else None

    @property
    def lines(self) -> tuple[LineState, ...]:
        """Every line of the order."""
        said = {line.line: line for line in self.confirmation.lines} if self.confirmation else {}
        advised = packs(line for advice in self.advices for line in advice.lines)
        received = packs(line for receipt in self.receipts for line in receipt.lines)
        damaged = Counter[int]()
        for receipt in self.receipts:
            damaged.update({line.line: line.damaged for line in receipt.lines})
        return tuple(
            LineState(
                line,
                said[line.line].packs if line.line in said else 0 if self.confirmation else None,
                said[line.line].day if line.line in said else None,
                advised[line.line],
                received[line.line],
                damaged[line.line],
            )
            for line in (self.order.lines if self.order else ())
        )

    @property
    def cancelled(self) -> bool:
        """The ERP wants nothing more of it."""
        return bool(self.order and self.order.cancelled)

    @property
    def closed(self) -> bool:
        """No more goods are expected."""
        if self.order is None:
            return False
        all_came = all(x.received >= x.line.packs for x in self.lines)
        return self.order.cancelled or all_came or any(receipt.final for receipt in self.receipts)

    @property
    def judged(self) -> dict[str, Verdict]:
        """What is to become of each invoice; one that was released stays released."""
        if self.order is None:
            return {}
        match = self.order.match or self.start.policy.match
        lines = {
            x.line.line: Invoiced(x.line, x.received, x.received - x.damaged, more=not self.closed) for x in self.lines
        }
        paid = {x.number for x in self.invoices if self.told.get(told_as(x)) is SettlementDecision.RELEASED}
        return verdicts(self.invoices, lines, self.order.currency, match, self.start.policy, paid)

    @property
    def settled(self) -> bool:
        """Nothing more is expected of anybody: all goods came that will, and what was accepted of them is paid."""
        if not self.closed:
            return False
        verdict = self.judged
        if any(verdict[x.number].decision is SettlementDecision.HELD for x in self.invoices):
            return False
        invoiced = packs(line for invoice in self.invoices for line in invoice.lines)
        return all(invoiced[x.line.line] >= x.received - x.damaged for x in self.lines)

    @property
    def status(self) -> PurchaseStatus:
        """Where the purchase order is."""
        if self.settled:
            return PurchaseStatus.CANCELLED if self.cancelled and not self.receipts else PurchaseStatus.SETTLED
        if self.closed:
            return PurchaseStatus.RECEIVED
        if self.receipts:
            return PurchaseStatus.PARTLY_RECEIVED
        if self.advices:
            return PurchaseStatus.SHIPPED
        return PurchaseStatus.CONFIRMED if self.confirmation else PurchaseStatus.ORDERED

    def received_of(self, shipment: str) -> Counter[int]:
        """Packs of each line that were received of a shipment."""
        return packs(line for receipt in self.receipts if receipt.shipment == shipment for line in receipt.lines)

    def arrives_at(self, advice: DespatchAdvice) -> datetime:
        """When a shipment is expected, or came: a carrier's last word goes before the supplier's."""
        said = sorted(
            (x for x in self.milestones.values() if x.shipment == advice.shipment),
            key=lambda x: (x.occurred_at, x.id),
        )
        arrivals = [x.occurred_at for x in said if x.kind is MilestoneKind.DELIVERED]
        etas = [x.eta for x in said if x.eta]
        return (arrivals or etas or [advice.eta])[-1]

    def _each(self) -> Iterable[PurchaseDocument]:
        return (self.documents[name] for name in sorted(self.documents))


def packs(lines: Iterable[Any]) -> Counter[int]:
    """Packs of each line."""
    found = Counter[int]()
    for line in lines:
        found[line.line] += line.packs
    return found


def told_as(invoice: Invoice) -> str:
    """The name of a revision of an invoice."""
    return f"{invoice.number}/r{invoice.revision}"


def said(document: PurchaseDocument) -> tuple[str, Paper]:
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
    """Take in a document; with why it changed nothing, if so. Of two of one revision the one with the higher id holds:
    somebody must win, whoever comes first."""
    name, body = said(document)
    known = state.documents.get(name)
    if known:
        if known.id == document.id:
            return state, AGAIN
        if (said(known)[1].revision, known.id) > (body.revision, document.id):
            return state, OLDER
    return grown(state, documents={**state.documents, name: document}), None


def take_milestone(state: PurchaseFile, event: MilestoneEvent) -> tuple[PurchaseFile, str | None]:
    """Take in what a carrier reports on a shipment."""
    if event.id in state.milestones:
        return state, f"{event.kind} was reported before"
    return grown(state, milestones={**state.milestones, event.id: event}), None


def grown(state: PurchaseFile, **update: object) -> PurchaseFile:
    """A new version of the state."""
    return state.model_copy(update={**update, "version": state.version + 1})
