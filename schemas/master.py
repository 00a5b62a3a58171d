"""Master data as its owner, an ERP, answers for it: items, sites, customers, carriers, calendars. No personal data.

Looked up on demand, kept for a short while, never a second truth.
"""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, NamedTuple

from pydantic import Field

from schemas.base import Contract, Day, EventId, Region, Text, Unit
from schemas.identifiers import Country, TransportMode


class MasterKind(StrEnum):
    """What a record is about."""

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
        """What a message waits for that is parked until the owner knows this."""
        return f"master:{self.owner}/{self.kind}/{self.id}"


class Record(Contract):
    """What all kinds have. `active`: may be used in new orders; the owner sees to that."""

    id: Text
    active: bool = True


class Item(Record):
    """An item: the unit that it is kept in, how many packs make a case, and its class."""

    name: Text | None = None
    unit: Unit = Unit.PACK
    packs_per_case: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    item_class: Text | None = None


class Site(Record):
    """A warehouse, and the id of the calendar that it works by."""

    name: Text | None = None
    region: Region | None = None
    country: Country | None = None
    calendar: Text | None = None


class Customer(Record):
    """A customer, without a name: that may be a person's."""

    region: Region | None = None
    country: Country | None = None
    customer_class: Text | None = None
    calendar: Text | None = None


class Carrier(Record):
    """A carrier, and the modes by which it moves goods."""

    name: Text | None = None
    modes: tuple[TransportMode, ...] = ()


class Calendar(Record):
    """Working days of a week (1 Monday to 7 Sunday, ISO 8601), and the days off beside the others."""

    working_days: tuple[Annotated[int, Field(ge=1, le=7)], ...] = (1, 2, 3, 4, 5)
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
    """What owners said of names: those that they do not know, and those that nobody answered for."""

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
