"""The base of every contract, and the small types that all contracts share."""

from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints


class Contract(BaseModel):
    """Base of every message.

    Frozen, so that a message never changes under its reader. Tolerant (unknown fields are ignored), so that an older
    worker can read what a newer sender wrote. The door is strict instead: `schemas.door.admit` forbids unknown fields.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", ser_json_inf_nan="null", allow_inf_nan=False)


def _storable(text: str) -> str:
    if "\x00" in text:
        raise ValueError("must not contain the NUL character")
    return text


_EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
_LATEST = datetime(2100, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)


def _plausible(moment: datetime) -> datetime:
    if not _EARLIEST <= moment <= _LATEST:
        raise ValueError("must lie between the years 1990 and 2100")
    return moment.astimezone(UTC)


def _plausible_day(day: date) -> date:
    if not _EARLIEST.date() <= day <= _LATEST.date():
        raise ValueError("must lie between the years 1990 and 2100")
    return day


Text = Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True), AfterValidator(_storable)]
LongText = Annotated[str, StringConstraints(max_length=1000), AfterValidator(_storable)]
Moment = Annotated[AwareDatetime, AfterValidator(_plausible)]
"""A point in time with its offset, kept in UTC."""
Day = Annotated[date, AfterValidator(_plausible_day)]
"""A calendar day."""

SystemId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{1,31}$")]
"""Name of a connected system or partner: lower case letters, digits, hyphens; 2-32 characters."""
OrderNumber = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$")]
"""The ERP's own order number. No slash: it is part of the workflow id `order/<erp>/<number>`."""
ShipmentId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,59}$")]
"""Despatch advice or delivery note number, unique per network."""
SiteId = Annotated[str, StringConstraints(pattern=r"^[A-Z0-9][A-Z0-9-]{1,19}$")]
Region = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2,6}$")]
EventId = Annotated[str, StringConstraints(pattern=r"^[\x21-\x7e]{1,120}$")]
Packs = Annotated[int, Field(strict=True, ge=1, le=100_000_000)]
"""A whole, positive number of packs. Fractions and negatives are refused, never rounded."""


class Unit(StrEnum):
    """Units of measure in which lines are ordered: UN/ECE Recommendation 20 and 21 codes."""

    PACK = "PK"
    EACH = "EA"
    CARTON = "CT"
    PALLET = "PF"
    KIT = "KT"
    BOX = "BX"


class Variant(StrEnum):
    """How an order is fulfilled. Each variant has its own milestones: see `domain.variants`."""

    DISTRIBUTION_CENTRE = "distribution_centre"
    DIRECT_DROP = "direct_drop"


class Role(StrEnum):
    """What a caller is to us; decides which operations and which milestones it may send."""

    ERP = "erp"
    WMS = "wms"
    TMS = "tms"
    CARRIER = "carrier"
    SUPPLIER = "supplier"
    PLANNING = "planning"
    SUPPORT = "support"
    ADMIN = "admin"


class System(StrEnum):
    """The kinds of system that order workflows act on; also the names of the task queues."""

    ERP = "erp"
    WMS = "wms"
    TMS = "tms"
    PLANNING = "planning"


class Origin(StrEnum):
    """Where a failure came from. Set where the error is raised, carried to the ledger, inbox and search attributes."""

    PARTNER_MESSAGE = "partner_message"
    TRANSFORMATION = "transformation"
    OWNERSHIP = "ownership"
    ERP_RULE = "erp_rule"
    ERP_API = "erp_api"
    WMS_API = "wms_api"
    TMS_API = "tms_api"
    PLANNING_API = "planning_api"
    NOTIFY = "notify"
    PLATFORM = "platform"
