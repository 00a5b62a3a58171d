"""Milestones: what carriers, warehouses and suppliers report on a shipment or an order."""

from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, model_validator

from schemas.base import Contract, EventId, LongText, Moment, OrderNumber, Packs, Role, ShipmentId, SystemId
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


class ShippedLine(Contract):
    """How many packs of an order line a shipment carries. `order` only when a shipment carries several orders."""

    line: Annotated[int, Field(strict=True, ge=1, le=99_999)]
    quantity: Packs
    order: OrderNumber | None = None


class Milestone(Contract):
    """Something happened to goods at `occurred_at`.

    Names an order, a shipment, or both. An event that names only a shipment reaches every order on it. `lines` says
    what the shipment carries; the first event that names both links them. `eta` is required for `delayed`.
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

    @model_validator(mode="after")
    def _placed(self) -> Self:
        if self.order is None and self.shipment is None:
            raise ValueError("order: name an order, a shipment, or both")
        if self.kind is MilestoneKind.DELAYED and self.eta is None:
            raise ValueError("eta: is required for a delayed milestone")
        if self.lines and self.shipment is None:
            raise ValueError("shipment: is required when lines say what it carries")
        return self


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
