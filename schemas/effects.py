"""Effects: what Syncline does to another system, each under a key that makes it happen once."""

from datetime import date
from enum import StrEnum

from schemas.base import Contract, Moment, System
from schemas.milestones import MilestoneKind, ShippedLine
from schemas.orders import LinePromise, OrderStatus


class Operation(StrEnum):
    """Everything an order workflow may ask of another system."""

    INSTRUCT_WAREHOUSE = "instruct_warehouse"
    CANCEL_WAREHOUSE = "cancel_warehouse"
    TENDER_TRANSPORT = "tender_transport"
    VOID_TENDER = "void_tender"
    REPORT_MILESTONE = "report_milestone"
    REDATE_PROMISE = "redate_promise"
    CONFIRM_CANCELLATION = "confirm_cancellation"


SYSTEM_OF = {
    Operation.INSTRUCT_WAREHOUSE: System.WMS,
    Operation.CANCEL_WAREHOUSE: System.WMS,
    Operation.TENDER_TRANSPORT: System.TMS,
    Operation.VOID_TENDER: System.TMS,
    Operation.REPORT_MILESTONE: System.ERP,
    Operation.REDATE_PROMISE: System.ERP,
    Operation.CONFIRM_CANCELLATION: System.ERP,
}


class Effect(Contract):
    """One call to one system. `key` travels as Idempotency-Key; `order` is `<erp>/<number>`.

    `accepted_at` is when the message that caused it was accepted: propagation latency counts from there.
    """

    key: str
    order: str
    operation: Operation
    shipment: str = ""
    milestone: MilestoneKind | None = None
    order_status: OrderStatus | None = None
    occurred_at: Moment | None = None
    accepted_at: Moment
    promised_on: date | None = None
    promises: tuple[LinePromise, ...] = ()
    reason: str = ""
    lines: tuple[ShippedLine, ...] = ()
    traceparent: str = ""

    @property
    def system(self) -> System:
        """The kind of system this effect is for, which is also the task queue that carries it."""
        return SYSTEM_OF[self.operation]


class EffectReceipt(Contract):
    """What the other system answered: its own reference, and the carrier where a tender was accepted.

    `declined`: an express attempt was not made or not answered; the effect takes its system's queue.
    """

    declined: bool = False
    reference: str = ""
    carrier: str | None = None


class Movement(Contract):
    """An item moved: positive packs."""

    item: str
    quantity: int


class PlanningDelta(Contract):
    """What planning must know of one movement. Netted and sent in bulk by the planning feed, never one by one."""

    key: str
    order: str
    shipment: str = ""
    kind: str
    region: str
    site: str
    occurred_at: Moment
    accepted_at: Moment
    promised_on: date | None = None
    movements: tuple[Movement, ...]
