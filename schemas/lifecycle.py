"""What an order workflow is started with, asked, and answers."""

from datetime import date
from typing import Literal

from schemas.base import Contract, Moment, Variant
from schemas.exceptions import OrderPolicy
from schemas.orders import LineDue, OrderRelease, OrderStatus, Promise
from schemas.promising import Sending


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
    """What other sites than the order's own send, as it was promised."""

    @property
    def key(self) -> str:
        """`<erp>/<number>`."""
        return f"{self.erp}/{self.number}"

    @property
    def workflow_id(self) -> str:
        """`order/<erp>/<number>`: the business key is the workflow's id."""
        return f"order/{self.key}"


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
    """A release as it was accepted at the door, with the message that brought it."""

    erp: str
    release: OrderRelease
    digest: str
    inbox_id: int
    received_at: Moment
    traceparent: str = ""
    policy: OrderPolicy = OrderPolicy()
