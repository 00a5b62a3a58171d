"""The start, commands and answers of an order workflow."""

from datetime import date
from typing import Literal

from schemas.base import Contract, Moment, Variant
from schemas.cases.exceptions import OrderPolicy
from schemas.days import EVERY_DAY, Days, Way
from schemas.ids import Subject, SubjectKind
from schemas.inventory.promising import Sending
from schemas.orders.release import LineDue, OrderRelease, OrderStatus, Promise
from schemas.workflow_ids import WorkflowId


class OrderStart(Contract):
    """Start of an order workflow: no names or addresses, which stay in the store. `erp`/`number` make its id."""

    erp: str
    number: str
    digest: str
    inbox_id: int
    variant: Variant
    region: str
    site: str
    carrier: str = ""
    priority: int = 3
    lines: tuple[LineDue, ...]
    promise: Promise
    proof_of_delivery_required: bool = False
    clock: Literal["wall", "events"] = "wall"
    released_at: Moment
    accepted_at: Moment
    traceparent: str = ""
    policy: OrderPolicy = OrderPolicy()
    sendings: tuple[Sending, ...] = ()
    """Packs that other sites than the order's own send, as promised."""
    here: Days = EVERY_DAY
    """The days of the site, or supplier, that makes the goods ready."""
    there: Days = EVERY_DAY
    """The days of the customer: those for which the order is promised."""
    carriers: dict[str, Days] = {}  # noqa: RUF012 - pydantic copies field defaults
    """The days of the carrier that is wanted, and of those that may be asked, where they are known."""
    released_on: date | None = None
    """The day of its release as the contract takes it, where that is another one there."""
    checks_times: bool = False
    """Reports that cannot be true in time are cases; not of orders that were released before there were such cases."""

    @property
    def subject(self) -> Subject:
        """The order."""
        return Subject(SubjectKind.ORDER, self.erp, self.number)

    @property
    def key(self) -> str:
        """`<erp>/<number>`."""
        return str(self.subject)

    @property
    def way(self) -> Way:
        """The days that it goes by, with the carrier that is wanted."""
        return Way(self.here, self.days_of(self.carrier), self.there)

    def days_of(self, carrier: str) -> Days:
        """The days of a carrier; every day when nothing is known of it."""
        return self.carriers.get(carrier, EVERY_DAY)

    @property
    def workflow_id(self) -> str:
        """`order/<erp>/<number>`: the business key is the workflow's id."""
        return str(WorkflowId.of(self.subject))


class OrderOutcome(Contract):
    """How an order ended."""

    order: str
    status: OrderStatus
    promised_on: date
    shipments: int


class StatusAnswer(Contract):
    """Answer to the `status` query."""

    order: str
    status: OrderStatus
    conditions: tuple[str, ...]
    promised_on: date
    missing: tuple[str, ...]
    owed: tuple[str, ...]
    awaited: str = ""
    due_at: Moment | None = None
    cases: tuple[str, ...] = ()
    failure: str = ""


class AcceptedRelease(Contract):
    """A release as the gateway accepted it, with the message that brought it."""

    erp: str
    release: OrderRelease
    digest: str
    inbox_id: int
    received_at: Moment
    traceparent: str = ""
    policy: OrderPolicy = OrderPolicy()
