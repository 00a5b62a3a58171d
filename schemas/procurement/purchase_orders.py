"""What Syncline knows and does of a purchase order: its workflow's messages, what is posted to the ERP, its record."""

from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field

from schemas.base import Contract, Moment
from schemas.cases.exceptions import Action, Chronology
from schemas.changes import Change
from schemas.days import EVERY_DAY, Days
from schemas.ids import Subject, SubjectKind
from schemas.procurement.documents import (
    Count,
    DespatchAdvice,
    GoodsReceipt,
    Invoice,
    Match,
    Price,
    PurchaseOrder,
    SupplierConfirmation,
)
from schemas.procurement.postings import SettlementDecision
from schemas.procurement.purchase_effects import PurchaseEffect
from schemas.procurement.rates import Rate
from schemas.workflow_ids import WorkflowId

Percent = Annotated[float, Field(ge=0, le=100)]
Seconds = Annotated[float, Field(gt=0, le=90 * 86_400)]


class ProcurementPolicy(Contract):
    """How purchase orders are watched and invoices matched. Percentages are of what was ordered.

    Packs pass within `packs_tolerance_percent`, or `packs_tolerance` packs too many; a price within
    `price_tolerance_percent`, or when its line differs by no more than `amount_tolerance` in the currency of the order.
    Deadlines: `confirm_within_s` after the order came, or the supplier was asked again; the advance ship notice
    `advise_before_s` before the goods are due; the receipt `receive_within_s` after their ETA; the invoice of all that
    was accepted `invoice_within_s` after the last receipt. `chronology`: documents that cannot be true in time.
    """

    version: int = 1
    match: Match = Match.THREE_WAY
    packs_tolerance_percent: Percent = 0.0
    packs_tolerance: Count = 0
    price_tolerance_percent: Percent = 0.0
    amount_tolerance: Price = Decimal()
    confirm_within_s: Seconds = 2 * 86_400.0
    advise_before_s: Seconds = 86_400.0
    receive_within_s: Seconds = 2 * 86_400.0
    invoice_within_s: Seconds = 30 * 86_400.0
    chronology: Chronology = Chronology()


class InboundStart(Contract):
    """Start of the workflow of one purchase order; its documents come as signals. `here` are the days of its site,
    `theirs` those of its supplier."""

    erp: str
    number: str
    supplier: str
    site: str
    region: str
    priority: int = 3
    policy: ProcurementPolicy = ProcurementPolicy()
    accepted_at: Moment
    here: Days = EVERY_DAY
    theirs: Days = EVERY_DAY

    @property
    def subject(self) -> Subject:
        """The purchase order."""
        return Subject(SubjectKind.PURCHASE_ORDER, self.erp, self.number)

    @property
    def key(self) -> str:
        """`<erp>/po:<number>`."""
        return str(self.subject)

    @property
    def workflow_id(self) -> str:
        """`inbound/<erp>/<number>`."""
        return str(WorkflowId.of(self.subject))


class PurchaseDocument(Contract):
    """A document as the workflow gets it: exactly one of the last five. `id` is unique over all partners."""

    id: str
    partner: str
    inbox_id: int
    received_at: Moment
    traceparent: str = ""
    order: PurchaseOrder | None = None
    confirmation: SupplierConfirmation | None = None
    advice: DespatchAdvice | None = None
    receipt: GoodsReceipt | None = None
    invoice: Invoice | None = None


class PurchaseStatus(StrEnum):
    """Where a purchase order is."""

    ORDERED = "ordered"
    CONFIRMED = "confirmed"
    SHIPPED = "shipped"
    PARTLY_RECEIVED = "partly_received"
    RECEIVED = "received"
    SETTLED = "settled"
    CANCELLED = "cancelled"


class PurchaseDecision(Contract):
    """A decision as the purchase order keeps it. What it says of lines holds until the ERP revises the order, so it
    bears the `revision` that it was taken on. `agreed`: findings as they stood; `lost`: shipments of which nothing more
    comes; `invoice`: the revision of an invoice that it is about."""

    id: str
    action: Action
    at: Moment
    by: str = ""
    revision: int = 1
    wanted: dict[int, int] = {}  # noqa: RUF012 - pydantic copies field defaults
    prices: dict[int, Decimal] = {}  # noqa: RUF012
    pers: dict[int, int] = {}  # noqa: RUF012
    about: tuple[str, ...] = ()
    agreed: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    invoice: str = ""
    traceparent: str = ""

    @property
    def rates(self) -> dict[int, Rate]:
        """What was agreed of prices: for one pack, or for so many as `pers` says."""
        return {line: Rate(price, self.pers.get(line, 1)) for line, price in self.prices.items()}


class PurchaseLineRecord(Contract):
    """A line as it stands, in packs, at a price for `per` packs, and the day on which the rest is expected."""

    line: int
    item: str
    ordered: int
    confirmed: int | None = None
    advised: int = 0
    received: int = 0
    damaged: int = 0
    invoiced: int = 0
    unit_price: Decimal
    per: int = 1
    due_on: date
    expected_on: date | None = None


class InvoiceRecord(Contract):
    """An invoice as it stands, and why it is held."""

    number: str
    revision: int
    decision: SettlementDecision
    match: Match
    currency: str
    amount: Decimal
    due_on: date
    reasons: tuple[str, ...] = ()


class InboundShipment(Contract):
    """A shipment that a supplier advised, when it is expected, and the pallets and cartons that it is made of."""

    shipment: str
    carrier: str = ""
    eta: Moment
    status: str
    handling_units: tuple[str, ...] = ()


class PurchaseOrderChanged(Change):
    """Where a purchase order stands."""

    tag: ClassVar[str] = "purchase"
    status: PurchaseStatus
    purchase: PurchaseOrder
    closed: bool = False


class PurchaseLinesChanged(Change):
    """All lines that a purchase order has now."""

    tag: ClassVar[str] = "purchase_lines"
    lines: tuple[PurchaseLineRecord, ...] = ()


class InboundShipmentsChanged(Change):
    """Shipments that a supplier advised, as they stand."""

    tag: ClassVar[str] = "inbound"
    shipments: tuple[InboundShipment, ...] = ()


class InvoicesChanged(Change):
    """Invoices, as they stand."""

    tag: ClassVar[str] = "invoices"
    invoices: tuple[InvoiceRecord, ...] = ()


class PurchaseEffectsPlanned(Change):
    """What other systems are asked because of a step of a purchase order."""

    tag: ClassVar[str] = "purchase_effects"
    effects: tuple[PurchaseEffect, ...] = ()


class PurchaseAnswer(Contract):
    """What became of an action on a purchase order. `done` says it in words."""

    order: str
    status: PurchaseStatus
    done: str = ""


class PurchaseOutcome(Contract):
    """A purchase order as it ended, or stands."""

    order: str
    status: PurchaseStatus
    received: int = 0
    awaited: str = ""
    due_at: Moment | None = None
