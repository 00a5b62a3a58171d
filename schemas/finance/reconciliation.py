"""Reconciliation: what we and a connected system say differently, of what class it is, and who has to correct it."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from schemas.base import Contract, Exact, LongText, Moment
from schemas.cases.cases import Finding
from schemas.cases.exceptions import CasePolicy, ExceptionKind
from schemas.ids import books_key
from schemas.inventory.stock import Count
from schemas.messaging.effects import LineTarget

INBOX = "inbox"
"""The system of a run that compares our inbox with our own workflows."""

WORKFLOWS = "workflows"
"""The system of a run that looks whether all that is open has a workflow that makes progress."""

NOTICES = "notices"
"""The system of a run that looks for receivers which take no messages."""
AUDIT = "audit"
"""The system of a run that checks the audit trail, and keeps its signed end outside of the database."""

FREIGHT = "freight"
"""The system of a run that compares the freight invoices of an ERP's orders with what was accrued."""


BOOKS = "books"
"""The system of a run that checks our own books."""


OUTAGES = "outages"
"""The system of a run that sees whether connected systems answer."""


class DifferenceClass(StrEnum):
    """The reason why two books differ. `timing` passes by itself: something is under way between them."""

    TIMING = "timing"
    MISSING = "missing"
    DUPLICATE = "duplicate"
    QUANTITY = "quantity"
    MASTER_DATA = "master_data"


class About(StrEnum):
    """The subject of a comparison."""

    STOCK = "stock"
    DEMAND = "demand"
    ORDER = "order"
    TARGET = "target"
    EFFECT = "effect"
    ACCOUNT = "account"
    INVOICE = "invoice"
    MESSAGE = "message"
    WORKFLOW = "workflow"
    NOTICE = "notice"
    BOOK = "book"
    AUDIT = "audit"
    SYSTEM = "system"


class DifferenceState(StrEnum):
    """`waiting` for another look; `open` in a case; `settled` by people as it is; `closed`: it vanished."""

    WAITING = "waiting"
    OPEN = "open"
    SETTLED = "settled"
    CLOSED = "closed"


class Difference(Contract):
    """One difference. `subject` names it for ever; `ours` and `theirs` are packs, a status, or empty: not known there.

    `owner` is the system whose books count and where `proposal` has to be done; nobody else overwrites them. Of our own
    books, `theirs` is what would be right, and `place` begins with the check (`schemas.finance.self_audit`).
    """

    about: About
    subject: str
    item: str = ""
    place: str = ""
    kind: DifferenceClass
    ours: str
    theirs: str
    explained_by: str = ""
    owner: str
    proposal: str


class Comparison(Contract):
    """The result of a comparison: the number of compared figures, and the differences."""

    compared: int = 0
    differences: tuple[Difference, ...] = ()


class ReconcileRun(Contract):
    """Compare with one system: `target` is a site of a warehouse, the id of an ERP, a region of planning.

    `at_rest`: nothing is moving any more, so that nothing is excused because it has just moved.
    """

    system: str
    target: str
    at_rest: bool = False

    @property
    def workflow_id(self) -> str:
        """`reconcile/<system>/<target>`."""
        return f"reconcile/{self.system}/{self.target}"

    @property
    def activity(self) -> str:
        """The check of this run: books, freight invoices, the inbox, workflows, our own books, the audit trail,
        undelivered messages, or outages."""
        alone = (INBOX, FREIGHT, WORKFLOWS, BOOKS, AUDIT, NOTICES, OUTAGES)
        return self.system if self.system in alone else "compare"

    @property
    def case_kind(self) -> ExceptionKind:
        """The kind of its cases: each kind has an owner of its own."""
        platform = ExceptionKind.PLATFORM
        kinds = {
            FREIGHT: ExceptionKind.INVOICE_MISMATCH,
            WORKFLOWS: platform,
            AUDIT: platform,
            NOTICES: ExceptionKind.PARTNER_OUTAGE,
            OUTAGES: ExceptionKind.PARTNER_OUTAGE,
        }
        return kinds.get(self.system, ExceptionKind.STOCK_DIFFERENCE)

    @property
    def case_order(self) -> str:
        """The subject of its cases, in the place of an order."""
        return books_key(self.system, self.target)


class ReconcileReport(Contract):
    """The result of a run. `number` is that of the case for the `findings` that are open (0: there is none).

    `reported`: the case knows them already.
    """

    compared: int = 0
    differences: int = 0
    explained: int = 0
    waiting: int = 0
    number: int = 0
    findings: tuple[Finding, ...] = ()
    reported: bool = True
    policy: CasePolicy


class Listed(Contract):
    """A page of a list that can be asked for what changed. `as_of`: by the system's own clock, up to when the list has
    every change. A system that does not know `changed_since` leaves it out, and is not asked for it."""

    as_of: Moment | None = None


class OrderFigure(Contract):
    """An order in a system's own list."""

    order: LongText
    status: LongText


class OrdersReport(Listed):
    """Answer to `GET {system}/v1/order-status`, where a system offers it: each order that it knows."""

    orders: tuple[OrderFigure, ...] = ()


class LineFigure(LineTarget):
    """A system's target for a line by its own books, and the revision of its latest change; 0: the release."""

    item: LongText
    quantity: Count
    revision: int = 0


class PartFigure(Contract):
    """Packs that transport is to carry from a site, the order's own when empty, and the revision that said so last."""

    site: LongText = ""
    packs: Count
    revision: int = 0


class TargetFigure(Contract):
    """The last message to a system on an order: `lines` at an ERP and a warehouse, `parts` at transport.

    Lines that came to nothing are among them, with 0. A `cancelled` order has none.
    """

    order: LongText
    cancelled: bool = False
    lines: tuple[LineFigure, ...] = ()
    parts: tuple[PartFigure, ...] = ()


class TargetsReport(Listed):
    """Answer to `GET {system}/v1/order-targets`, where offered: each order that it knows, by number."""

    orders: tuple[TargetFigure, ...] = ()


class EffectsReport(Listed):
    """Answer to `GET {system}/v1/effects`, where offered: the Idempotency-Key of each effect in its books."""

    keys: tuple[LongText, ...] = ()


class AccountFigure(Contract):
    """An order's amount in an account: a debit, or a credit when negative."""

    order: LongText
    account: LongText
    currency: LongText
    amount: Annotated[Exact, Field(max_digits=30, decimal_places=10)]


class AccountsReport(Listed):
    """Answer to `GET {erp}/v1/order-accounts`, where offered: the value of each order by account, and its freight.

    `inventory` is at sites, `goods_in_transit` on the way to customers, `cost_of_goods_sold` with them.
    """

    figures: tuple[AccountFigure, ...] = ()


class DemandFigure(Contract):
    """Packs of an item that orders still want from a site, all orders together."""

    item: LongText
    site: LongText
    packs: Count


class DemandReport(Contract):
    """Answer to `GET {planning}/v1/open-demand`, where offered: the open demand that planning holds."""

    figures: tuple[DemandFigure, ...] = ()


class DifferenceView(Difference):
    """A difference as it is listed."""

    id: int
    system: str
    target: str
    state: DifferenceState
    case: str = ""
    first_seen: Moment
    last_seen: Moment
    closed_at: Moment | None = None
