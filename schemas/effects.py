"""Effects: what Syncline does to another system, each under a key that makes it happen once."""

from datetime import date
from enum import StrEnum

from schemas.base import Contract, Moment, System
from schemas.milestones import Disposition, MilestoneKind, ShippedLine
from schemas.orders import LinePromise, OrderStatus


class Operation(StrEnum):
    """Everything a workflow may ask of another system."""

    INSTRUCT_WAREHOUSE = "instruct_warehouse"
    AMEND_WAREHOUSE = "amend_warehouse"
    HOLD_WAREHOUSE = "hold_warehouse"
    RESUME_WAREHOUSE = "resume_warehouse"
    CANCEL_WAREHOUSE = "cancel_warehouse"
    EXPECT_RETURN = "expect_return"
    TENDER_TRANSPORT = "tender_transport"
    AMEND_TENDER = "amend_tender"
    HOLD_TRANSPORT = "hold_transport"
    RESUME_TRANSPORT = "resume_transport"
    VOID_TENDER = "void_tender"
    INTERCEPT_SHIPMENT = "intercept_shipment"
    COLLECT_RETURN = "collect_return"
    REPORT_MILESTONE = "report_milestone"
    REDATE_PROMISE = "redate_promise"
    REPORT_CHANGE = "report_change"
    CONFIRM_CANCELLATION = "confirm_cancellation"
    REPORT_CONFIRMATION = "report_confirmation"
    POST_RECEIPT = "post_receipt"
    SETTLE_INVOICE = "settle_invoice"
    REPORT_DECISION = "report_decision"
    INSTRUCT_TRANSFER = "instruct_transfer"
    POST_ISSUE = "post_issue"
    PLACE_REPLENISHMENT = "place_replenishment"
    ANSWER_REPLENISHMENT = "answer_replenishment"


class ChangeKind(StrEnum):
    """What an ERP is told of an order beside milestones, promises and cancellation.

    `short_picked` cuts availability at a site by a reason; `closed_short` and `written_off` cancel packs of a line;
    `credited` asks for a credit note; `invoice_held` and `invoice_released` stop and free the customer's invoice.
    """

    AMENDED = "amended"
    HELD = "held"
    RESUMED = "resumed"
    SHORT_PICKED = "short_picked"
    RE_SOURCED = "re_sourced"
    BACKORDERED = "backordered"
    CLOSED_SHORT = "closed_short"
    WRITTEN_OFF = "written_off"
    SUBSTITUTED = "substituted"
    INTERCEPTED = "intercepted"
    INVOICE_HELD = "invoice_held"
    INVOICE_RELEASED = "invoice_released"
    RETURN_AUTHORISED = "return_authorised"
    RETURNED = "returned"
    CREDITED = "credited"


_OF_SYSTEM = {
    System.WMS: (
        Operation.INSTRUCT_WAREHOUSE,
        Operation.AMEND_WAREHOUSE,
        Operation.HOLD_WAREHOUSE,
        Operation.RESUME_WAREHOUSE,
        Operation.CANCEL_WAREHOUSE,
        Operation.EXPECT_RETURN,
        Operation.INSTRUCT_TRANSFER,
    ),
    System.TMS: (
        Operation.TENDER_TRANSPORT,
        Operation.AMEND_TENDER,
        Operation.HOLD_TRANSPORT,
        Operation.RESUME_TRANSPORT,
        Operation.VOID_TENDER,
        Operation.INTERCEPT_SHIPMENT,
        Operation.COLLECT_RETURN,
    ),
    System.ERP: (
        Operation.REPORT_MILESTONE,
        Operation.REDATE_PROMISE,
        Operation.REPORT_CHANGE,
        Operation.CONFIRM_CANCELLATION,
        Operation.REPORT_CONFIRMATION,
        Operation.POST_RECEIPT,
        Operation.SETTLE_INVOICE,
        Operation.REPORT_DECISION,
        Operation.POST_ISSUE,
        Operation.PLACE_REPLENISHMENT,
    ),
    System.PLANNING: (Operation.ANSWER_REPLENISHMENT,),
}
SYSTEM_OF = {operation: system for system, operations in _OF_SYSTEM.items() for operation in operations}


class LineChange(Contract):
    """The difference to a line: `quantity` packs more, or less when negative, of an item."""

    line: int
    item: str
    quantity: int


class Effect(Contract):
    """One call to one system. `key` travels as Idempotency-Key; `order` is `<erp>/<number>`.

    `site` is the warehouse meant, the order's own when empty; `carrier` the one wanted; `lines` what it is about, all
    of the order when empty; `changes` the difference that an amendment makes, `address` that the address changed too.
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
    site: str = ""
    carrier: str = ""
    change: ChangeKind | None = None
    changes: tuple[LineChange, ...] = ()
    address: bool = False
    expedite: bool = False
    rma: str = ""
    disposition: Disposition | None = None

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
