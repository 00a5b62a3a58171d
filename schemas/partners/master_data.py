"""Master data as its owner, an ERP, answers for it: items, sites, customers, carriers, calendars. No personal data.

Looked up on demand, kept for a short while, never a second truth.
"""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, NamedTuple

from pydantic import Field

from schemas.base import Contract, Day, EventId, Packs, Quantity, Text, Unit
from schemas.days import TimeZone, WorkingDays
from schemas.standard_identifiers import TransportMode


class MasterKind(StrEnum):
    """The subject of a record."""

    ITEM = "item"
    SITE = "site"
    CUSTOMER = "customer"
    CARRIER = "carrier"
    CALENDAR = "calendar"


class MasterName(NamedTuple):
    """Names a record: the ERP that owns it, its kind, and its id there."""

    owner: str
    kind: MasterKind
    id: str

    @property
    def waiting_for(self) -> str:
        """The key by which a quarantined message waits until the owner knows this record."""
        return f"master:{self.owner}/{self.kind}/{self.id}"

    @property
    def waiting_for_units(self) -> str:
        """The key by which a quarantined message waits until the owner changes this item's units."""
        return f"units:{self.owner}/{self.kind}/{self.id}"


class Record(Contract):
    """The fields of all kinds. `active`: may be used in new orders; the owner sees to that."""

    id: Text
    active: bool = True


class Conversion(Contract):
    """`count` of `unit` are as much as `base` of the unit that the item is kept in: 12 pieces are 1 pack."""

    unit: Unit
    count: Quantity = Decimal(1)
    base: Quantity


class Item(Record):
    """An item: the unit that it is kept in, what others are of that, and its class.

    The books count whole numbers of `unit`: an item that is ordered in fractions of a kilogram is kept in grams.
    Grams, kilograms and tonnes need no conversion into each other, nor do millilitres, litres and cubic metres.
    """

    name: Text | None = None
    unit: Unit = Unit.PACK
    units: Annotated[tuple[Conversion, ...], Field(max_length=20)] = ()
    item_class: Text | None = None


class KeptLine(Contract):
    """A line of an order or purchase order: its item, and the unit that this is kept in; that of its record if absent.

    A line that was ordered in another unit has `asked` of `asked_unit`, which are `base` of `unit`. That ratio holds
    for all later reports on the line, also after a change by the item's owner.
    """

    line: int
    item: str
    unit: Unit | None = None
    base: Packs | None = None
    asked: Quantity | None = None
    asked_unit: Unit | None = None


class Site(Record):
    """A warehouse, its time zone, and the id of the calendar that it works by."""

    name: Text | None = None
    time_zone: TimeZone | None = None
    calendar: Text | None = None


class Customer(Record):
    """A customer, without a name: that may be a person's. Its time zone, and the calendar by which it takes
    goods in."""

    time_zone: TimeZone | None = None
    calendar: Text | None = None


class Carrier(Record):
    """A carrier, and the modes by which it moves goods: a release that wants it for another is refused. Its calendar
    says on which days goods are under way with it."""

    name: Text | None = None
    modes: tuple[TransportMode, ...] = ()
    time_zone: TimeZone | None = None
    calendar: Text | None = None


class Calendar(Record):
    """Working days of a week (1 Monday to 7 Sunday, ISO 8601), and the days off beside the others."""

    working_days: WorkingDays = (1, 2, 3, 4, 5)
    days_off: tuple[Day, ...] = ()


MasterRecord = Item | Site | Customer | Carrier | Calendar
RECORDS: dict[MasterKind, type[MasterRecord]] = {
    MasterKind.ITEM: Item,
    MasterKind.SITE: Site,
    MasterKind.CUSTOMER: Customer,
    MasterKind.CARRIER: Carrier,
    MasterKind.CALENDAR: Calendar,
}


class Checked(Contract):
    """Owners' answers on names: those that they do not know, and those that nobody answered for."""

    unknown: tuple[MasterName, ...] = ()
    unanswered: tuple[MasterName, ...] = ()


class MasterChange(Contract):
    """Body of `POST /v1/master-data`: the owner has created or changed these records. Saying it again does no harm."""

    id: EventId
    kind: MasterKind
    ids: Annotated[tuple[Text, ...], Field(min_length=1, max_length=500)]


class MasterChangeTaken(Contract):
    """Answer to `POST /v1/master-data`: how many messages had waited for these records, and are tried again."""

    replayed: int


class Freshness(StrEnum):
    """`fresh`: as the owner said within the time that it may be kept; `stale`: older, and the owner does not answer."""

    FRESH = "fresh"
    STALE = "stale"


class MasterView(Contract):
    """Answer to `GET /v1/master/{kind}/{id}`: the record, whose it is, and how old the answer is."""

    owner: str
    kind: MasterKind
    id: str
    freshness: Freshness
    fetched_at: datetime
    expires_at: datetime
    record: MasterRecord
