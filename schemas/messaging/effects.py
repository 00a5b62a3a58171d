"""Effects: what Syncline does to another system, each under a key that makes it happen once."""

import json
from datetime import date
from enum import StrEnum
from hashlib import sha256
from typing import Any, Generic, NamedTuple

from pydantic import ConfigDict, SerializerFunctionWrapHandler, model_serializer
from typing_extensions import TypeVar

from schemas.base import Contract, Moment, System
from schemas.ids import Subject
from schemas.orders.milestones import MilestoneKind
from schemas.orders.release import OrderStatus


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


class LineTarget(Contract):
    """What a system is to have of a line from now on: `quantity` packs of an item, 0 for none. Never a difference."""

    line: int
    item: str
    quantity: int


class EffectTopic(NamedTuple):
    """What an effect is about, as far as its operation says so: the ledger lists effects by it, and people read it."""

    shipment: str = ""
    milestone: MilestoneKind | None = None
    site: str = ""
    change: ChangeKind | None = None
    order_status: OrderStatus | None = None


class EffectPayload(Contract):
    """What one operation needs. Each operation has a payload class of its name, whose `operation` is that one value.

    A field that is not of the operation is refused (pydantic's ValidationError): an effect that a build does not know
    whole must not be carried out in part.
    """

    model_config = ConfigDict(extra="forbid")

    operation: Operation

    @model_serializer(mode="wrap")
    def _tagged(self, others: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Write the operation always: histories and snapshots leave defaults out, and it says how to read the rest."""
        return {"operation": self.operation, **others(self)}

    @property
    def topic(self) -> EffectTopic:
        """What the effect is about: the fields of these names, where the operation has them."""
        named = EffectTopic._fields
        return EffectTopic(**{name: getattr(self, name) for name in named if name in type(self).model_fields})


PayloadT_co = TypeVar("PayloadT_co", bound=EffectPayload, default=EffectPayload, covariant=True)


class Effect(Contract, Generic[PayloadT_co]):
    """One call to one system. `key` travels as Idempotency-Key; `order` is `<erp>/<number>`.

    `payload` says which operation, and what it needs. `revision` is the version of the input that caused it: of two
    that say something else, the higher one counts. `accepted_at` is when the message that caused it was accepted:
    propagation latency counts from there.

    Messages have `OrderEffect` and its like, whose payload is a union by operation. The bare class is for what any
    effect can do; it is never read from JSON, where it refuses every payload with fields.
    """

    key: str
    order: str
    accepted_at: Moment
    traceparent: str = ""
    revision: int = 0
    payload: PayloadT_co

    @property
    def operation(self) -> Operation:
        """What the system is asked to do."""
        return self.payload.operation

    @property
    def topic(self) -> EffectTopic:
        """Shipment, milestone, site and change that it is about, as far as its operation says so."""
        return self.payload.topic

    @property
    def subject(self) -> Subject:
        """The order, purchase order or replenishment that it is for."""
        return Subject.parse(self.order)

    @property
    def system(self) -> System:
        """The kind of system this effect is for, which is also the task queue that carries it."""
        return SYSTEM_OF[self.operation]

    @property
    def digest(self) -> str:
        """What is told, as a hash: two effects under one key with the same digest are the same effect.

        When it was accepted and its trace are no part of it. Fields at their defaults are left out, so that a field
        that is new in a later build changes no digest.
        """
        told = self.payload.model_dump(mode="json", exclude_defaults=True)
        said = {"key": self.key, "order": self.order, "revision": self.revision, **told}
        return sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


class EffectReceipt(Contract):
    """What the other system answered: its own reference, and the carrier where a tender was accepted.

    `declined`: an express attempt was not made or not answered; the effect takes its system's queue.
    """

    declined: bool = False
    reference: str = ""
    carrier: str | None = None


class Movement(Contract):
    """An item moved: packs, negative when a correction takes back what was said of it."""

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
