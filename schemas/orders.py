"""Order release, promise and cancellation: what the ERP sends and what it is answered."""

from datetime import date
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from schemas.base import (
    Contract,
    Day,
    LongText,
    Moment,
    OrderNumber,
    Packs,
    Region,
    SiteId,
    SystemId,
    Text,
    Unit,
    Variant,
)
from schemas.identifiers import Country, Currency, Gln, Gtin, Incoterm, TransportMode, UnLocode


class OrderStatus(StrEnum):
    """Where an order or shipment is. The first ten rise in rank; the last four end it otherwise."""

    RELEASED = "released"
    PROMISED = "promised"
    ALLOCATED = "allocated"
    PICKED = "picked"
    PACKED = "packed"
    SHIPPED = "shipped"
    IN_TRANSIT = "in_transit"
    OUT_FOR_DELIVERY = "out_for_delivery"
    DELIVERED = "delivered"
    CLOSED = "closed"
    CANCELLED = "cancelled"
    RETURNED = "returned"
    REJECTED = "rejected"


class Party(Contract):
    """A company or place that takes part in an order. Personal data: names and addresses stay in the store."""

    id: Text
    name: Text | None = None
    gln: Gln | None = None
    country: Country
    locode: UnLocode | None = None
    address: LongText | None = None
    email: Annotated[str, Field(max_length=254, pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$")] | None = None


class OrderLine(Contract):
    """One line: an item and a whole number of packs, wanted on a day."""

    line: Annotated[int, Field(strict=True, ge=1, le=99_999)]
    item: Annotated[str, Field(min_length=1, max_length=60, pattern=r"^[\x21-\x7e]+$")]
    gtin: Gtin | None = None
    description: LongText | None = None
    quantity: Packs
    unit: Unit = Unit.PACK
    requested_on: Day | None = Field(None, description="Day wanted by the customer; the order's day when absent.")
    value: Annotated[float, Field(ge=0, le=1e12)] | None = Field(None, description="Line value in `currency`.")


class OrderRelease(Contract):
    """The ERP releases an order for execution.

    Raises a finding for each broken rule: duplicate line numbers, a day before release, a distribution-centre order
    without a site, a direct drop without a supplier.
    """

    number: OrderNumber
    released_at: Moment
    requested_on: Day
    variant: Variant
    lines: Annotated[tuple[OrderLine, ...], Field(min_length=1, max_length=500)]
    ship_from: Party
    ship_to: Party
    site: SiteId | None = Field(None, description="Warehouse that picks; required for distribution_centre.")
    supplier: SystemId | None = Field(None, description="Partner that ships; required for direct_drop.")
    carrier: SystemId | None = Field(None, description="Carrier wanted; the TMS chooses when absent.")
    priority: Annotated[int, Field(strict=True, ge=1, le=5)] = 3
    region: Region
    incoterm: Incoterm | None = None
    mode: TransportMode | None = None
    currency: Currency = "USD"
    proof_of_delivery_required: bool = False
    clock: Literal["wall", "events"] = Field(
        "wall", description="`events`: a replay of past business time; deadlines are not timed by the wall clock."
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        numbers = [line.line for line in self.lines]
        if len(set(numbers)) != len(numbers):
            raise ValueError("lines: each line number may appear once")
        for line in self.lines:
            if self.wanted_on(line) < self.released_at.date():
                raise ValueError(f"lines: line {line.line} is requested before the order is released")
        if self.variant is Variant.DISTRIBUTION_CENTRE and self.site is None:
            raise ValueError("site: is required for a distribution_centre order")
        if self.variant is Variant.DIRECT_DROP and self.supplier is None:
            raise ValueError("supplier: is required for a direct_drop order")
        return self

    def wanted_on(self, line: OrderLine) -> date:
        """The day on which the customer wants this line."""
        return line.requested_on or self.requested_on


class LineDue(Contract):
    """What the workflow needs to know of a line: how much of what, and when."""

    line: int
    item: str
    quantity: int
    due_on: date


class LinePromise(Contract):
    """The day promised for one line."""

    line: int
    promised_on: date


class Promise(Contract):
    """The answer to a release: when each line will be there. `promised_on` is the day of the last line."""

    promised_on: date
    lines: tuple[LinePromise, ...] = ()
    reason: str = ""


class ReleaseAnswer(Contract):
    """Body of the answer to `POST /v1/orders`. `promise` is absent while it is still being made (202)."""

    order: str
    status: OrderStatus
    promise: Promise | None = None
    links: dict[str, str] = Field(default_factory=dict)


class CancelRequest(Contract):
    """Cancel an order of which nothing was delivered; goods that have left are intercepted and brought back."""

    id: Text = Field(description="The caller's id of this request: the same id is carried out once.")
    reason: Text
