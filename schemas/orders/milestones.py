"""Milestones: what carriers, warehouses and suppliers report on a shipment or an order."""

from collections.abc import Iterable
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Generic, Self, TypeVar

from pydantic import ConfigDict, Field, model_validator

from schemas.base import (
    Contract,
    EventId,
    InUnit,
    LongText,
    Moment,
    OrderNumber,
    Packs,
    Quantity,
    Role,
    ShipmentId,
    SystemId,
)
from schemas.cases.exceptions import REPORTABLE, ExceptionKind
from schemas.copying import made_of
from schemas.orders.release import MAX_LINES, Amount
from schemas.standard_identifiers import Sscc, UnLocode


class MilestoneKind(StrEnum):
    """Canonical milestones. Partner codes are mapped to these; unknown ones are quarantined."""

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
CORRECTABLE = frozenset(
    {
        MilestoneKind.ALLOCATED,
        MilestoneKind.PICKED,
        MilestoneKind.PACKED,
        MilestoneKind.SHIPPED,
        MilestoneKind.IN_TRANSIT,
        MilestoneKind.OUT_FOR_DELIVERY,
        MilestoneKind.DELIVERED,
        MilestoneKind.PROOF_OF_DELIVERY,
        MilestoneKind.RETURNING,
    }
)
"""Milestones that happen once to a shipment. Of the others, each report is a word of its own, or a later one replaces
it: an ETA, a trouble that is cleared."""


class Disposition(StrEnum):
    """The decision of an inspection on returned goods."""

    RESTOCK = "restock"
    SCRAP = "scrap"


LineNumber = Annotated[int, Field(strict=True, ge=1, le=99_999)]
ItemId = Annotated[str, Field(min_length=1, max_length=60, pattern=r"^[\x21-\x7e]+$")]
ReturnId = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,79}$")]
"""Number of a return authorisation; a carrier's return to sender has one made of its shipment."""


class _Line(Contract, Generic[Amount]):
    line: LineNumber
    quantity: Amount
    order: OrderNumber | None = None


class ShippedLine(_Line[int]):
    """Packs of an order line in a shipment. `order` only when a shipment carries several orders."""

    quantity: Packs


class SentLine(_Line[Decimal], InUnit):
    """The quantity of an order line in a shipment. `order` only when a shipment carries several orders.

    `quantity` is in `unit`, which is that in which the item of the line is kept when absent.
    """

    model_config = ConfigDict(title="ShippedLine")

    quantity: Quantity


Line = TypeVar("Line", bound="ShippedLine | SentLine")


def in_kept_units(lines: Iterable[ShippedLine]) -> tuple[SentLine, ...]:
    """Lines as a partner states them that counts as our books do: without a unit."""
    return tuple(made_of(SentLine, line) for line in lines)


class Milestone(Contract):
    """Something happened to goods at `occurred_at`.

    Names an order, a shipment, or both. An event that names only a shipment reaches every order on it in which its
    sender takes part. `lines` is the content of the shipment; for `short_picked` the packs that could not be picked,
    for `exception` and `cleared` those concerned. The first event that names both links them. `eta` is required for
    `delayed`, `cause` for `cleared`, `carrier` for `tender_accepted` and `tender_rejected` reported by another than the
    carrier, `merges` for `consolidated`, `rma` for returns. `location` is where it happened, `handling_units` the
    pallets and cartons that it happened to. Of two reports of one milestone of a shipment, one with lines counts before
    one without. Then the later `occurred_at`, the higher `sequence`, the larger id counts. `corrects`: the id of an
    earlier report of the same milestone, shipment and source, in the place of which this one stands, whenever either
    arrives.
    """

    kind: MilestoneKind
    erp: SystemId | None = Field(None, description="The ERP whose order number is meant; the only one when absent.")
    order: OrderNumber | None = None
    shipment: ShipmentId | None = None
    occurred_at: Moment
    lines: Annotated[tuple[SentLine, ...], Field(max_length=MAX_LINES)] = ()
    eta: Moment | None = None
    reason: LongText | None = None
    location: UnLocode | None = None
    handling_units: Annotated[tuple[Sscc, ...], Field(max_length=500)] = ()
    cause: ExceptionKind | None = None
    carrier: SystemId | None = None
    merges: Annotated[tuple[ShipmentId, ...], Field(max_length=100)] = ()
    rma: ReturnId | None = None
    disposition: Disposition | None = None
    sequence: Annotated[int, Field(strict=True, ge=0, le=2**53)] = Field(
        0, description="The sender's own count: of reports of the same moment, the higher one counts."
    )
    corrects: EventId | None = Field(None, description="The id of the report, of the same source, that this replaces.")

    @model_validator(mode="after")
    def _placed(self) -> Self:
        if self.order is None and self.shipment is None:
            raise ValueError("order: name an order, a shipment, or both")
        if self.kind is MilestoneKind.DELAYED and self.eta is None:
            raise ValueError("eta: is required for a delayed milestone")
        self._about_trouble()
        if self.corrects is not None and self.kind not in CORRECTABLE:
            raise ValueError(f"corrects: is for {', '.join(sorted(CORRECTABLE))}")
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
    """A milestone as the event log keeps it and the order workflow gets it: placed on its order, in the books' units.

    `id` is unique over all partners (`source#id`); `inbox_id` is the raw message it came from. `location` and
    `handling_units` are passed on as they are.
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
    location: str | None = None
    handling_units: tuple[str, ...] = ()
    traceparent: str = ""
    cause: ExceptionKind | None = None
    carrier: str | None = None
    merges: tuple[str, ...] = ()
    rma: str | None = None
    disposition: Disposition | None = None
    sequence: int = 0
    corrects: str = Field("", description="The unique id of the report that this replaces.")
