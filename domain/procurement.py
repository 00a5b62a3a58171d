"""A purchase order as pure functions over its documents, which come in any order, any number of times.

The state is a set of documents: of each the highest revision. Everything else follows from them, so any order and any
repetition ends in the same state. Only what the ERP was told about invoices is remembered: money is paid once. See
`domain.papers` for how a document is taken in.
"""

from collections import Counter
from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from domain.matching import Invoiced, Terms, Verdict, packs_of, verdicts
from schemas.base import Contract, Moment
from schemas.exceptions import Action
from schemas.milestones import MilestoneEvent
from schemas.postings import SettlementDecision
from schemas.procurement import (
    ConfirmedLine,
    DespatchAdvice,
    GoodsReceipt,
    Invoice,
    PurchaseLine,
    PurchaseOrder,
    SupplierConfirmation,
)
from schemas.purchasing import InboundStart, PurchaseDecision, PurchaseDocument, PurchaseStatus

LAST, DATED, CAME = "last", "eta", "delivered"
"""What is kept of a carrier's reports on a shipment: the last, the last with an ETA, the last delivery."""


class LineState(NamedTuple):
    """A line as its documents say, in packs. `confirmed` is None until the supplier has confirmed anything; of another
    item it confirms none. `wanted` and `price` are as ordered, or as people have agreed since."""

    line: PurchaseLine
    confirmed: int | None
    confirmed_on: date | None
    advised: int
    received: int
    damaged: int
    wanted: int
    price: Decimal

    @property
    def wanted_on(self) -> date:
        """The day that counts before a shipment is known."""
        return self.confirmed_on or self.line.due_on


class PurchaseFile(Contract):
    """Everything the workflow knows of its purchase order. Frozen: each document makes a new one.

    `told`: what the ERP was told of each revision of an invoice. `looked_at`: deadlines up to then have passed.
    `decisions`: what was decided about differences, the oldest first. `milestones`: what is kept of a shipment, by mark
    and shipment.
    """

    start: InboundStart
    documents: dict[str, PurchaseDocument] = {}  # noqa: RUF012 - pydantic copies field defaults
    milestones: dict[str, MilestoneEvent] = {}  # noqa: RUF012
    told: dict[str, SettlementDecision] = {}  # noqa: RUF012
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
        wanted: dict[int, int] = {}
        prices: dict[int, Decimal] = {}
        for decision in self.decisions:
            if self.order and decision.revision >= self.order.revision:
                wanted.update(decision.wanted)
                prices.update(decision.prices)
        return tuple(
            LineState(
                line,
                _confirmed(line, said.get(line.line)) if self.confirmation else None,
                said[line.line].day if line.line in said else None,
                advised[line.line],
                received[line.line],
                damaged[line.line],
                wanted.get(line.line, line.packs),
                prices.get(line.line, line.unit_price),
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

    @property
    def closed(self) -> bool:
        """No more goods are expected."""
        if self.order is None:
            return False
        all_came = all(x.received >= x.wanted for x in self.lines)
        return self.order.cancelled or all_came or any(receipt.final for receipt in self.receipts)

    @property
    def judged(self) -> dict[str, Verdict]:
        """What is to become of each invoice; one that was released stays released."""
        return self.judged_with(self._about_invoices(Action.RELEASE_INVOICE))

    def judged_with(self, excused: frozenset[str]) -> dict[str, Verdict]:
        """What is to become of each invoice when people accept the prices of these revisions."""
        if self.order is None:
            return {}
        rejected = self._about_invoices(Action.REJECT_INVOICE)
        terms = Terms(
            {
                x.line.line: Invoiced(
                    x.line.packs, x.wanted, x.price, x.received, x.received - x.damaged, more=not self.closed
                )
                for x in self.lines
            },
            self.order.currency,
            self.order.match or self.start.policy.match,
            self.start.policy,
            excused={x.number for x in self.invoices if told_as(x) in excused},
            rejected={x.number for x in self.invoices if told_as(x) in rejected},
        )
        paid = {x.number for x in self.invoices if self.told.get(told_as(x)) is SettlementDecision.RELEASED}
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
        return not self.uninvoiced and not (self.transfer and any(self.missing_of(x) for x in self.advices))

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
        """Packs of each line that were received of a shipment. A receipt of a transfer that names none is of its only
        one: what left a site cannot be elsewhere."""
        names = {shipment, None} if self.transfer and len(self.advices) == 1 else {shipment}
        return packs(line for receipt in self.receipts if receipt.shipment in names for line in receipt.lines)

    def missing_of(self, advice: DespatchAdvice) -> Counter[int]:
        """Packs of each line that were not received of a shipment."""
        return (
            packs(advice.lines) - self.received_of(advice.shipment) if advice.shipment not in self.lost else Counter()
        )

    def _about_invoices(self, action: Action) -> frozenset[str]:
        return frozenset(decision.invoice for decision in self.decisions if decision.action is action)

    def arrives_at(self, advice: DespatchAdvice) -> datetime:
        """When a shipment is expected, or came: a carrier's last word goes before the supplier's."""
        came, said = (self.milestones.get(f"{mark}/{advice.shipment}") for mark in (CAME, DATED))
        return came.occurred_at if came else (said and said.eta) or advice.eta

    def _each(self) -> Iterable[PurchaseDocument]:
        return (self.documents[name] for name in sorted(self.documents))


def _confirmed(line: PurchaseLine, said: ConfirmedLine | None) -> int:
    return said.packs if said and said.item in (None, line.item) else 0


def packs(lines: Iterable[Any]) -> Counter[int]:
    """Packs of each line."""
    found = Counter[int]()
    for line in lines:
        found[line.line] += line.packs
    return found


def told_as(invoice: Invoice) -> str:
    """The name of a revision of an invoice."""
    return f"{invoice.number}/r{invoice.revision}"


def grown(state: PurchaseFile, **update: object) -> PurchaseFile:
    """A new version of the state."""
    return state.model_copy(update={**update, "version": state.version + 1})
