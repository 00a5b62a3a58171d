"""A purchase order as pure functions over its documents, which come in any order, any number of times.

The state is a set of documents: of each the highest revision. Everything else follows from them, so any order and any
repetition ends in the same state. Only what the ERP was told about invoices is remembered: money is paid once.
"""

from collections import Counter
from collections.abc import Iterable
from datetime import date, datetime
from typing import NamedTuple

from domain.days import day_of
from domain.procurement.matching import InvoiceVerdict, MatchedLine, MatchTerms, packs, packs_of, verdicts
from schemas.base import Contract, Moment
from schemas.cases.exceptions import Action
from schemas.orders.milestones import MilestoneEvent
from schemas.procurement.documents import (
    ConfirmedLine,
    DespatchAdvice,
    GoodsReceipt,
    Invoice,
    PurchaseLine,
    PurchaseOrder,
    SupplierConfirmation,
)
from schemas.procurement.postings import SettlementDecision
from schemas.procurement.purchase_orders import InboundStart, PurchaseDecision, PurchaseDocument, PurchaseStatus
from schemas.procurement.rates import Rate

LAST, DATED, CAME = "last", "eta", "delivered"
"""Kept reports of a carrier on a shipment: the last, the last with an ETA, the last delivery."""


class LineState(NamedTuple):
    """A line as its documents say, in packs. `confirmed` is None until the supplier has confirmed anything; of another
    item it confirms none. `wanted` and the price are as ordered, or as people agreed since; of a cancelled order no
    more is wanted than had come."""

    line: PurchaseLine
    confirmed: int | None
    confirmed_on: date | None
    advised: int
    received: int
    damaged: int
    wanted: int
    rate: Rate

    @property
    def wanted_on(self) -> date:
        """The day that counts before a shipment is known."""
        return self.confirmed_on or self.line.due_on


class PurchaseFile(Contract):
    """Everything the workflow knows of its purchase order. Frozen: each document makes a new one.

    `reported`: what the ERP was told of each revision of an invoice. `looked_at`: deadlines up to then have passed.
    `decisions`: what was decided about differences, the oldest first. `milestones`: the report that counts of a
    shipment, by mark and shipment; `corrected`: all that are kept because of corrections: see
    `domain.milestones.reports`.
    """

    start: InboundStart
    documents: dict[str, PurchaseDocument] = {}  # noqa: RUF012 - pydantic copies field defaults
    milestones: dict[str, MilestoneEvent] = {}  # noqa: RUF012
    corrected: dict[str, tuple[MilestoneEvent, ...]] = {}  # noqa: RUF012
    reported: dict[str, SettlementDecision] = {}  # noqa: RUF012
    looked_at: Moment | None = None
    decisions: tuple[PurchaseDecision, ...] = ()
    version: int = 0

    @property
    def order(self) -> PurchaseOrder | None:
        """The purchase order itself, once it is known."""
        known = self.documents.get("order")
        return known.order if known else None

    @property
    def confirmation(self) -> SupplierConfirmation | None:
        """The lines that the supplier confirmed."""
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
        wanted: dict[int, int] = dict(self._received_before_the_end())
        rates: dict[int, Rate] = {}
        for decision in self.decisions:
            if self.order and decision.revision >= self.order.revision:
                wanted.update(decision.wanted)
                rates.update(decision.rates)
        return tuple(
            LineState(
                line,
                _confirmed(line, said.get(line.line)) if self.confirmation else None,
                said[line.line].day if line.line in said else None,
                advised[line.line],
                received[line.line],
                damaged[line.line],
                wanted.get(line.line, line.packs),
                rates.get(line.line, line.rate),
            )
            for line in (self.order.lines if self.order else ())
        )

    @property
    def transfer(self) -> bool:
        """The goods come from one of our own sites: what left it is at the other, on the road, or known to be lost."""
        return bool(self.order and self.order.from_site)

    @property
    def cancelled(self) -> bool:
        """The ERP wants nothing more of it."""
        return bool(self.order and self.order.cancelled)

    def _received_before_the_end(self) -> dict[int, int]:
        """Packs of each line that came before the order was cancelled; nothing when it was not."""
        if self.order is None or not self.order.cancelled:
            return {}
        end = self.documents["order"].received_at
        before = packs(line for receipt in self.receipts if receipt.received_at <= end for line in receipt.lines)
        return {line.line: before[line.line] for line in self.order.lines}

    @property
    def closed(self) -> bool:
        """No more goods are wanted. Some may still be on the road: see `stranded`."""
        if self.order is None:
            return False
        all_came = all(x.received >= x.wanted for x in self.lines)
        return all_came or any(receipt.final for receipt in self.receipts)

    @property
    def stranded(self) -> dict[str, Counter[int]]:
        """Packs of each line on the road that nobody wants any more, by shipment. They stay so until they come, or
        people give them up. Of a shipment that came, what is missing was not in it.

        Receipts may name another shipment or none: no more are under way than were advised beyond all receipts. Who
        names none and expects nothing more has them all.
        """
        if not self.closed or any(receipt.final and receipt.shipment is None for receipt in self.receipts):
            return {}
        arrived, found = {receipt.shipment for receipt in self.receipts}, dict[str, Counter[int]]()
        open_ones = {x.shipment: self.missing_of(x) for x in self.advices if x.shipment not in arrived}
        come = packs(line for receipt in self.receipts for line in receipt.lines)
        for advice in self.advices:
            come -= packs(advice.lines) if advice.shipment in arrived else Counter()
        for shipment, missing in open_ones.items():
            if left := missing - come:
                found[shipment] = left
            come -= missing
        return found

    @property
    def uninvited(self) -> bool:
        """Goods came although the order had been cancelled, and nobody has agreed to them."""
        return self.cancelled and any(x.received > x.wanted for x in self.lines)

    @property
    def judged(self) -> dict[str, InvoiceVerdict]:
        """The verdict on each invoice; one that was released stays released."""
        return self.judged_with(self._about_invoices(Action.RELEASE_INVOICE))

    def judged_with(self, excused: frozenset[str]) -> dict[str, InvoiceVerdict]:
        """The verdict on each invoice when people accept the prices of these revisions."""
        if self.order is None:
            return {}
        rejected = self._about_invoices(Action.REJECT_INVOICE)
        terms = MatchTerms(
            {
                x.line.line: MatchedLine(
                    x.line.packs, x.wanted, x.rate, x.received, x.received - x.damaged, more=not self.closed
                )
                for x in self.lines
            },
            self.order.currency,
            self.order.match or self.start.policy.match,
            self.start.policy,
            excused={x.number for x in self.invoices if reported_as(x) in excused},
            rejected={x.number for x in self.invoices if reported_as(x) in rejected},
        )
        paid = {x.number for x in self.invoices if self.reported.get(reported_as(x)) is SettlementDecision.RELEASED}
        return verdicts(self.invoices, terms, paid)

    @property
    def lost(self) -> frozenset[str]:
        """Shipments of which nothing more will come, as people have decided."""
        return frozenset(shipment for decision in self.decisions for shipment in decision.lost)

    @property
    def uninvoiced(self) -> int:
        """Accepted packs that no invoice names yet, but for those that nobody will invoice."""
        decided = {decision.action for decision in self.decisions}
        if self.transfer or Action.CLOSE_UNINVOICED in decided:
            return 0
        verdict, billed = self.judged, Counter[int]()
        for invoice in self.invoices:
            if verdict[invoice.number].decision is not SettlementDecision.REJECTED:
                (billed.subtract if invoice.credits else billed.update)(packs_of(invoice))
        return sum(max(0, x.received - x.damaged - billed[x.line.line]) for x in self.lines)

    @property
    def settled(self) -> bool:
        """Nothing more is expected of anybody: all goods came that will, and what was accepted of them is paid."""
        if not self.closed or any(it.decision is SettlementDecision.HELD for it in self.judged.values()):
            return False
        if self.stranded or self.uninvited:
            return False
        return not self.uninvoiced and not (self.transfer and any(self.missing_of(x) for x in self.advices))

    @property
    def status(self) -> PurchaseStatus:
        """Where the purchase order is."""
        if self.settled:
            return PurchaseStatus.CANCELLED if self.cancelled and not self.receipts else PurchaseStatus.SETTLED
        if self.closed and not self._on_the_road:
            return PurchaseStatus.RECEIVED if self.receipts else PurchaseStatus.CANCELLED
        if self.receipts:
            return PurchaseStatus.PARTLY_RECEIVED
        if self.advices:
            return PurchaseStatus.SHIPPED
        return PurchaseStatus.CONFIRMED if self.confirmation else PurchaseStatus.ORDERED

    def received_of(self, shipment: str) -> Counter[int]:
        """Packs of each line that were received of a shipment. A receipt of a transfer that names none is of its only
        one: what left a site cannot be elsewhere."""
        names = {shipment, None} if self.transfer and len(self.advices) == 1 else {shipment}
        return packs(line for receipt in self.receipts if receipt.shipment in names for line in receipt.lines)

    def missing_of(self, advice: DespatchAdvice) -> Counter[int]:
        """Packs of each line that were not received of a shipment."""
        if advice.shipment in self.lost:
            return Counter()
        return packs(advice.lines) - self.received_of(advice.shipment)

    @property
    def _on_the_road(self) -> bool:
        return bool(self.stranded) or (self.transfer and any(self.missing_of(x) for x in self.advices))

    def _about_invoices(self, action: Action) -> frozenset[str]:
        return frozenset(decision.invoice for decision in self.decisions if decision.action is action)

    def arrives_at(self, advice: DespatchAdvice) -> datetime:
        """When a shipment is expected, or came: a carrier's last word goes before the supplier's."""
        came, said = (self.milestones.get(f"{mark}/{advice.shipment}") for mark in (CAME, DATED))
        return came.occurred_at if came else (said and said.eta) or advice.eta

    def arrives_on(self, advice: DespatchAdvice) -> date:
        """The day at the site on which a shipment is expected, or came."""
        return day_of(self.arrives_at(advice), self.start.here)

    def _each(self) -> Iterable[PurchaseDocument]:
        return (self.documents[name] for name in sorted(self.documents))


def _confirmed(line: PurchaseLine, said: ConfirmedLine | None) -> int:
    return said.packs if said and said.item in (None, line.item) else 0


def reported_as(invoice: Invoice) -> str:
    """The name of a revision of an invoice."""
    return f"{invoice.number}/r{invoice.revision}"


def with_changes(state: PurchaseFile, **update: object) -> PurchaseFile:
    """The state after a change. Its version is the workflow's to raise: one for each input."""
    return state.model_copy(update=update)
