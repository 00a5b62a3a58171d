"""Order release, promise and cancellation: what the ERP sends and what it is answered."""

from collections.abc import Iterable
from datetime import date, timedelta, timezone
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Generic, Literal, Self, TypeVar
from zoneinfo import ZoneInfo

from pydantic import ConfigDict, Field, model_validator

from schemas.base import (
    Contract,
    Day,
    LocalMoment,
    LongText,
    Money,
    OrderNumber,
    Packs,
    Quantity,
    Region,
    SiteId,
    SystemId,
    Text,
    Unit,
    Variant,
)
from schemas.copying import made_of
from schemas.days import TimeZone, utc_offset_s
from schemas.standard_identifiers import Country, Currency, Gln, Gtin, Incoterm, TransportMode, UnLocode

LAST_CLOCK = timezone(timedelta(hours=-12))
"""The last clock of the earth: a day that is over there is over everywhere."""
MAX_LINES = 2_000
"""Lines of one order: a step that names all of them is decided in a twentieth of the time that Temporal allows."""


class OrderStatus(StrEnum):
    """The status of an order or shipment. The first ten rise in rank; the last four end it otherwise."""

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
    """A company or place that takes part in an order. Personal data: names and addresses stay in the store.

    `time_zone`: that of the place, where its days begin and end; as master data or a rule says when absent.
    """

    id: Text
    name: Text | None = None
    gln: Gln | None = None
    country: Country
    locode: UnLocode | None = None
    address: LongText | None = None
    time_zone: TimeZone | None = None
    email: Annotated[str, Field(max_length=254, pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$")] | None = None


Amount = TypeVar("Amount", int, Decimal)


class _OrderLine(Contract, Generic[Amount]):
    line: Annotated[int, Field(strict=True, ge=1, le=99_999)]
    item: Annotated[str, Field(min_length=1, max_length=60, pattern=r"^[\x21-\x7e]+$")]
    gtin: Gtin | None = None
    description: LongText | None = None
    quantity: Amount
    unit: Unit = Unit.PACK
    requested_on: Day | None = Field(None, description="Day wanted by the customer; the order's day when absent.")
    value: Money | None = Field(None, description="Value of the line in `currency`: a decimal string, or a number.")


class OrderLine(_OrderLine[int]):
    """One line: an item and a whole number of the `unit` that it is kept in, wanted on a day."""

    quantity: Packs


class ReleasedLine(_OrderLine[Decimal]):
    """One line as the ERP orders it: an item and so many of a `unit`, wanted on a day."""

    quantity: Quantity


Line = TypeVar("Line", bound="OrderLine | ReleasedLine")


class _Release(Contract, Generic[Line]):
    number: OrderNumber
    released_at: LocalMoment
    requested_on: Day
    variant: Variant
    lines: Annotated[tuple[Line, ...], Field(min_length=1, max_length=MAX_LINES)]
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
        "wall",
        description="`events`: a replay of past business time, which nothing watches by the wall clock. Refused where "
        "the installation takes no replays.",
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        numbers = [line.line for line in self.lines]
        if len(set(numbers)) != len(numbers):
            raise ValueError("lines: each line number may appear once")
        for line in self.lines:
            if (line.requested_on or self.requested_on) < self.released_on:
                raise ValueError(f"lines: line {line.line} is requested before the order is released")
        if self.variant is Variant.DISTRIBUTION_CENTRE and self.site is None:
            raise ValueError("site: is required for a distribution_centre order")
        if self.variant is Variant.DIRECT_DROP and self.supplier is None:
            raise ValueError("supplier: is required for a direct_drop order")
        return self

    @property
    def released_on(self) -> date:
        """The day of the release in the sender's zone or the customer's: the earlier one. A sender that names no zone,
        and releases in UTC, may be anywhere."""
        here, zone = self.released_at.date(), self.ship_to.time_zone
        if zone or utc_offset_s(self.released_at):
            return min(here, self.released_at.astimezone(ZoneInfo(zone)).date()) if zone else here
        zone = self.ship_from.time_zone
        return min(here, self.released_at.astimezone(ZoneInfo(zone) if zone else LAST_CLOCK).date())


class OrderRelease(_Release[OrderLine]):
    """An order for execution, each line in the unit that its item is kept in."""

    def wanted_on(self, line: OrderLine) -> date:
        """The day on which the customer wants this line."""
        return line.requested_on or self.requested_on


class BaseLine(Contract):
    """The units of a line that was ordered in another unit: a whole number of the `unit` that its item is kept in.

    `item`, and what was `asked` of it in which unit, say what one of that is for the life of the order.
    """

    line: int
    quantity: Packs
    unit: Unit
    item: str = ""
    asked: Quantity | None = None
    asked_unit: Unit | None = None


class ReleaseRequest(_Release[ReleasedLine]):
    """The ERP releases an order for execution.

    Each broken rule is a finding: duplicate line numbers, a day before release, no site for a distribution-centre
    order, no supplier for a direct drop. Each line must be a whole number of its item's unit of stock. The ERP's master
    data names that unit; without master data it is the pack.
    """

    model_config = ConfigDict(title="OrderRelease")

    def kept_in(self, converted: Iterable[BaseLine]) -> OrderRelease:
        """The release in the units that its items are kept in. Lines that are not named are in them already."""
        kept = {line.line: {"quantity": line.quantity, "unit": line.unit} for line in converted}
        lines = [
            line.model_dump(exclude_unset=True) | kept.get(line.line, {"quantity": int(line.quantity)})
            for line in self.lines
        ]
        return made_of(OrderRelease, self, without={"lines"}, lines=lines)


class LineDue(Contract):
    """The workflow's view of a line: item, quantity and day."""

    line: int
    item: str
    quantity: int
    due_on: Day


class LinePromise(Contract):
    """The day promised for one line."""

    line: int
    promised_on: Day


class Promise(Contract):
    """The answer to a release: when each line will be there. `promised_on` is the day of the last line."""

    promised_on: Day
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
