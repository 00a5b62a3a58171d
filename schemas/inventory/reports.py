"""Inventory as warehouses report it: what comes and goes beside orders, and what was counted; and how it is answered.

Events of an order (allocation, pick, ship, deliver, return) are milestones, and received purchase orders are goods
receipts: nothing is reported twice.
"""

from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Generic, Self, TypeVar

from pydantic import ConfigDict, Field, WithJsonSchema, model_validator

from schemas.base import Contract, EventId, Exact, InUnit, LongText, Moment, Packs, QuantityOrNone, SiteId
from schemas.notation import decimal_schema
from schemas.orders.milestones import ItemId
from schemas.orders.release import Amount
from schemas.standard_identifiers import Currency

UnitValue = Annotated[
    Exact,
    Field(ge=0, max_digits=16, decimal_places=4),
    WithJsonSchema(decimal_schema(minimum=0), mode="validation"),
]


class InventoryKind(StrEnum):
    """Kinds of stock movements and counts at a site.

    `receipt` came in without a purchase order. `damage` may not be used any more, `unblock` may again; `scrap` was
    blocked and thrown away. `count` is the number of packs found free on hand at that moment.
    """

    RECEIPT = "receipt"
    DAMAGE = "damage"
    UNBLOCK = "unblock"
    SCRAP = "scrap"
    COUNT = "count"


class _Report(Contract, Generic[Amount]):
    id: EventId
    kind: InventoryKind
    site: SiteId
    item: ItemId
    quantity: Amount
    occurred_at: Moment
    reason: LongText | None = None
    unit_value: UnitValue | None = None
    per: Packs = 1
    currency: Currency | None = None

    @model_validator(mode="after")
    def _worth_something_in_a_currency(self) -> Self:
        if (self.unit_value is None) != (self.currency is None):
            raise ValueError("currency: a unit_value is in a currency, and there is no currency without one")
        return self

    @model_validator(mode="after")
    def _moves_something(self) -> Self:
        if self.quantity == 0 and self.kind is not InventoryKind.COUNT:
            raise ValueError("quantity: only a count may find nothing")
        return self


class InventoryReport(_Report[int]):
    """A whole number of what an item is kept in, at a site; `unit_value` is what `per` of those are worth."""

    quantity: Annotated[int, Field(strict=True, ge=0, le=100_000_000)]


class SentReport(_Report[Decimal], InUnit):
    """So much of an item at a site. `id` is unique for its sender: a repeat has no further effect.

    `quantity` is in `unit`, else in that of the item's stock. `unit_value`: the value of `per` of
    that unit in the books, in `currency`, such as a standard cost. The first value holds for all later reports of the
    item at the site; without one, goods move without money.
    """

    model_config = ConfigDict(title="InventoryReport")

    quantity: QuantityOrNone


Report = TypeVar("Report", bound="InventoryReport | SentReport")


class _Batch(Contract, Generic[Report]):
    reports: Annotated[tuple[Report, ...], Field(min_length=1, max_length=500)]

    @model_validator(mode="after")
    def _once(self) -> Self:
        if len({report.id for report in self.reports}) != len(self.reports):
            raise ValueError("reports: each id may appear once")
        return self


class InventoryBatch(_Batch[InventoryReport]):
    """Reports of what items are kept in."""


class SentBatch(_Batch[SentReport]):
    """Body of `POST /v1/inventory`: all or none is taken. Reports of items or sites that the ERP does not know wait."""

    model_config = ConfigDict(title="InventoryBatch")


class ReportOutcome(Contract):
    """The outcome of a report: booked, or superseded with the reason."""

    id: str
    superseded: str | None = None


class InventoryTaken(Contract):
    """Answer to `POST /v1/inventory`. `waiting`: ids of reports that are kept until the ERP knows item and site."""

    outcomes: tuple[ReportOutcome, ...]
    waiting: tuple[str, ...] = ()


class Arrival(Contract):
    """Packs under way, with the day on which they are expected by the newest ETA; no day while nobody has said one.

    `origin` is the site that sent them for an order, `destination` the site of a purchase order. Each is empty where it
    is a supplier or a customer.
    """

    order: str = ""
    shipment: str
    origin: str = ""
    destination: str = ""
    packs: int
    day: date | None = None


class StockPosition(Contract):
    """An item at a site, in packs. `available` is on hand and not reserved; negative when more was promised than is.

    `inbound` is under way to the site, `outbound` from it to customers.
    """

    item: str
    site: str
    on_hand: int = 0
    allocated: int = 0
    blocked: int = 0
    returns: int = 0
    reserved: int = 0
    available: int = 0
    inbound: int = 0
    outbound: int = 0


class Stock(Contract):
    """Answer to `GET /v1/stock`, as of the moment it was read. `in_transit`: under way, to sites and
    customers, the first to arrive first."""

    item: str
    as_of: Moment
    positions: tuple[StockPosition, ...] = ()
    in_transit: tuple[Arrival, ...] = ()
