"""Milestones: what carriers, warehouses and suppliers report on a shipment or an order."""

from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, model_validator

from schemas.base import Contract, EventId, LongText, Moment, OrderNumber, Packs, Role, ShipmentId, SystemId
from schemas.exceptions import REPORTABLE, ExceptionKind
from schemas.identifiers import Sscc, UnLocode


class MilestoneKind(StrEnum):
    """Canonical milestones. Partner codes are mapped to these, or parked when they are unknown."""

    ALLOCATED = "allocated"
    PICKED = "picked"
    PACKED = "packed"
    SHIPPED = "shipped"
    IN_TRANSIT = "in_transit"
    OUT_FOR_DELIVERY = "out_for_delivery"
    DELIVERED = "delivered"
    PROOF_OF_DELIVERY = "proof_of_delivery"
    DELAYED = "delayed"
    EXCEPTION = "exception"
    CLEARED = "cleared"
    SHORT_PICKED = "short_picked"
    TENDER_ACCEPTED = "tender_accepted"
    TENDER_REJECTED = "tender_rejected"
    CONSOLIDATED = "consolidated"
    RETURNING = "returning"
    RETURN_RECEIVED = "return_received"
    RETURN_INSPECTED = "return_inspected"


RETURN_KINDS = frozenset({MilestoneKind.RETURN_RECEIVED, MilestoneKind.RETURN_INSPECTED})
"""Milestones of a return; `rma` says of which. They go to the return's own workflow."""


class Disposition(StrEnum):
    """What an inspection decides about returned goods."""

    RESTOCK = "restock"
    SCRAP = "scrap"


LineNumber = Annotated[int, Field(strict=True, ge=1, le=99_999)]
ItemId = Annotated[str, Field(min_length=1, max_length=60, pattern=r"^[\x21-\x7e]+$")]
ReturnId = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,79}$")]
"""Number of a return authorisation; a carrier's return to sender has one made of its shipment."""


class ShippedLine(Contract):
    """How many packs of an order line a shipment carries. `order` only when a shipment carries several orders."""

    line: LineNumber
    quantity: Packs
    order: OrderNumber | None = None


class Milestone(Contract):
    """Something happened to goods at `occurred_at`.

    Names an order, a shipment, or both. An event that names only a shipment reaches every order on it. `lines` says
    what the shipment carries (for `short_picked`: what could not be picked; for `exception`: what it concerns); the
    first event that names both links them. `eta` is required for `delayed`, `cause` for `cleared`, `carrier` for
    `tender_accepted` and `tender_rejected` when another tells it, `merges` for `consolidated`, `rma` for returns.
    """

    kind: MilestoneKind
    erp: SystemId | None = Field(None, description="The ERP whose order number is meant; the only one when absent.")
    order: OrderNumber | None = None
    shipment: ShipmentId | None = None
    occurred_at: Moment
    lines: Annotated[tuple[ShippedLine, ...], Field(max_length=500)] = ()
    eta: Moment | None = None
    reason: LongText | None = None
    location: UnLocode | None = None
    handling_units: Annotated[tuple[Sscc, ...], Field(max_length=500)] = ()
    cause: ExceptionKind | None = None
    carrier: SystemId | None = None
    merges: Annotated[tuple[ShipmentId, ...], Field(max_length=100)] = ()
    rma: ReturnId | None = None
    disposition: Disposition | None = None

    @model_validator(mode="after")
    def _placed(self) -> Self:
        if self.order is None and self.shipment is None:
            raise ValueError("order: name an order, a shipment, or both")
        if self.kind is MilestoneKind.DELAYED and self.eta is None:
            raise ValueError("eta: is required for a delayed milestone")
        self._about_trouble()
        if self.kind in RETURN_KINDS and (self.rma is None or self.order is None or not self.lines):
            raise ValueError(f"rma: {self.kind} needs order, rma and lines")
        if self.kind is MilestoneKind.RETURN_INSPECTED and self.disposition is None:
            raise ValueError("disposition: is required for return_inspected")
        if self.lines and self.shipment is None and self.kind not in (MilestoneKind.SHORT_PICKED, *RETURN_KINDS):
            raise ValueError("shipment: is required when lines say what it carries")
        return self

    def _about_trouble(self) -> None:
        if self.kind is MilestoneKind.CLEARED and self.cause is None:
            raise ValueError("cause: is required for a cleared milestone")
        if self.cause is not None and self.cause not in REPORTABLE:
            raise ValueError(f"cause: must be one of {', '.join(sorted(REPORTABLE))}")
        if self.kind is MilestoneKind.SHORT_PICKED and (self.order is None or not self.lines):
            raise ValueError("lines: short_picked needs the order and the lines that came short")
        if self.kind is MilestoneKind.CONSOLIDATED and not (self.merges and self.shipment and self.lines):
            raise ValueError("merges: consolidated needs shipment, lines and the shipments that it merges")


class MilestoneEvent(Contract):
    """A milestone as the order workflow gets it: canonical, correlated, with the ids that make it unique.

    `id` is unique over all partners (`source#id`); `inbox_id` is the raw message it came from.
    """

    id: EventId | str
    kind: MilestoneKind
    shipment: str = Field("", description="Empty when the event names the whole order.")
    occurred_at: Moment
    received_at: Moment
    partner: str
    role: Role
    inbox_id: int
    lines: tuple[ShippedLine, ...] = ()
    eta: Moment | None = None
    reason: str | None = None
    traceparent: str = ""
    cause: ExceptionKind | None = None
    carrier: str | None = None
    merges: tuple[str, ...] = ()
    rma: str | None = None
    disposition: Disposition | None = None
