"""Reconciliation: what we and a connected system say differently, of what class it is, and who has to correct it."""

from decimal import Decimal
from enum import StrEnum

from schemas.base import Contract, Moment
from schemas.cases import Finding
from schemas.exceptions import CasePolicy, ExceptionKind

INBOX = "inbox"
"""The system of a run that compares our inbox with our own workflows."""

FREIGHT = "freight"
"""The system of a run that compares the freight invoices of an ERP's orders with what was accrued."""


class DifferenceClass(StrEnum):
    """Why two books differ. `timing` passes by itself: something is under way between them."""

    TIMING = "timing"
    MISSING = "missing"
    DUPLICATE = "duplicate"
    QUANTITY = "quantity"
    MASTER_DATA = "master_data"


class About(StrEnum):
    """What is compared."""

    STOCK = "stock"
    ORDER = "order"
    EFFECT = "effect"
    ACCOUNT = "account"
    INVOICE = "invoice"
    MESSAGE = "message"


class DifferenceState(StrEnum):
    """`waiting` for another look; `open` in a case; `settled` by people as it is; `closed`: it vanished."""

    WAITING = "waiting"
    OPEN = "open"
    SETTLED = "settled"
    CLOSED = "closed"


class Difference(Contract):
    """One difference. `subject` names it for ever; `ours` and `theirs` are packs, a status, or empty: not known there.

    `owner` is the system whose books count and where `proposal` has to be done; nobody else overwrites them.
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
    """What a comparison found: how many figures were compared, and the differences."""

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
        """What does the work: comparing books, looking at freight invoices, or for messages that vanished."""
        return self.system if self.system in (INBOX, FREIGHT) else "compare"

    @property
    def case_kind(self) -> ExceptionKind:
        """The kind of its cases: each kind has an owner of its own."""
        return ExceptionKind.INVOICE_MISMATCH if self.system == FREIGHT else ExceptionKind.STOCK_DIFFERENCE

    @property
    def case_order(self) -> str:
        """What its cases are about, where a case usually names an order."""
        return f"stock/{self.system}/{self.target}"


class ReconcileReport(Contract):
    """What a run found. `number` is that of the case for the `findings` that are open (0: there is none).

    `told`: the case knows them already.
    """

    compared: int = 0
    differences: int = 0
    explained: int = 0
    waiting: int = 0
    number: int = 0
    findings: tuple[Finding, ...] = ()
    told: bool = True
    policy: CasePolicy


class OrderFigure(Contract):
    """An order in a system's own list."""

    order: str
    status: str


class OrdersReport(Contract):
    """Answer to `GET {system}/v1/order-status`, where a system offers it: each order that it knows."""

    orders: tuple[OrderFigure, ...] = ()


class EffectsReport(Contract):
    """Answer to `GET {system}/v1/effects`, where offered: the Idempotency-Key of each effect in its books."""

    keys: tuple[str, ...] = ()


class AccountFigure(Contract):
    """What an order has in an account: a debit, or a credit when negative."""

    order: str
    account: str
    currency: str
    amount: Decimal


class AccountsReport(Contract):
    """Answer to `GET {erp}/v1/order-accounts`, where offered: value at sites that each order has taken or brought
    (`inventory`), on its way to customers (`goods_in_transit`), with them (`cost_of_goods_sold`); its freight."""

    figures: tuple[AccountFigure, ...] = ()


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
