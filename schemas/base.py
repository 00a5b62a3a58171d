"""The base of every contract, and the small types that all contracts share."""

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
)

from schemas.notation import (
    as_json_number,
    decimal_schema,
    json_number,
    plain_decimal,
    plain_whole,
    rfc3339_day,
    rfc3339_moment,
)


class Contract(BaseModel):
    """Base of every message.

    Frozen, so that a message never changes under its reader. Tolerant (unknown fields are ignored), so that an older
    worker can read what a newer sender wrote. Parsing is strict instead: `schemas.parsing.admit` forbids unknown
    fields.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", ser_json_inf_nan="null", allow_inf_nan=False)


def _storable(text: str) -> str:
    if "\x00" in text:
        raise ValueError("must not contain the NUL character")
    return text


def printable(text: str, limit: int) -> str:
    """At most so many characters of a text from outside; `?` for what cannot be printed, or kept in a database."""
    return "".join(c if c.isprintable() else "?" for c in text[:limit])


_EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
_LATEST = datetime(2100, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)


def _plausible(moment: datetime) -> datetime:
    if not _EARLIEST <= moment <= _LATEST:
        raise ValueError("must lie between the years 1990 and 2100")
    return moment.astimezone(UTC)


def _plausible_here(moment: datetime) -> datetime:
    _plausible(moment)
    return moment


def _plausible_day(day: date) -> date:
    if not _EARLIEST.date() <= day <= _LATEST.date():
        raise ValueError("must lie between the years 1990 and 2100")
    return day


_AMOUNT = re.compile(r"(0|[1-9][0-9]{0,12})(\.[0-9]{1,4})?")


def _amount(value: object) -> object:
    """A plain decimal; as text, of at most four decimals and not below zero."""
    if isinstance(value, str) and not _AMOUNT.fullmatch(value):
        raise ValueError("must be a plain decimal number of at most four decimals, such as 12.50")
    return plain_decimal(value)


def _shortest(amount: Decimal) -> Decimal:
    """The same amount has one spelling: 12.50 is 12.5."""
    text = f"{amount:f}"
    return Decimal(text.rstrip("0").rstrip(".")) if "." in text else amount


Text = Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True), AfterValidator(_storable)]
Reference = Annotated[str, StringConstraints(max_length=200), AfterValidator(_storable)]
"""The number that a system gives to its own record of a call; it goes into ledger and history."""
LongText = Annotated[str, StringConstraints(max_length=1000), AfterValidator(_storable)]
Moment = Annotated[AwareDatetime, BeforeValidator(rfc3339_moment), AfterValidator(_plausible)]
"""A point in time with its offset (RFC 3339), kept in UTC."""
LocalMoment = Annotated[AwareDatetime, BeforeValidator(rfc3339_moment), AfterValidator(_plausible_here)]
"""A point in time with its offset, which is kept: it gives the sender's own day."""
Day = Annotated[date, BeforeValidator(rfc3339_day), AfterValidator(_plausible_day)]
"""A calendar day (RFC 3339 full-date)."""
Exact = Annotated[
    Decimal,
    BeforeValidator(plain_decimal),
    WithJsonSchema(decimal_schema(), mode="validation"),
]
"""An exact number: a JSON number, or a decimal as text."""

Whole = Annotated[int, BeforeValidator(plain_whole)]
"""A whole number that comes as text: in the query of an address."""

SystemId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{1,31}$")]
"""Name of a connected system or partner: lower case letters, digits, hyphens; 2-32 characters."""
_SYSTEM_ID = TypeAdapter[str](SystemId)


def is_system_id(text: str) -> bool:
    """Whether a text keeps the rule of `SystemId`."""
    try:
        _SYSTEM_ID.validate_python(text)
    except ValidationError:
        return False
    return True


OrderNumber = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$")]
"""The ERP's own order number. No slash: it is part of the workflow id `order/<erp>/<number>`."""
ShipmentId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,59}$")]
"""Despatch advice or delivery note number, unique per network."""
SiteId = Annotated[str, StringConstraints(pattern=r"^[A-Z0-9][A-Z0-9-]{1,19}$")]
Region = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2,6}$")]
EventId = Annotated[str, StringConstraints(pattern=r"^[\x21-\x7e]{1,120}$")]
Packs = Annotated[int, Field(strict=True, ge=1, le=100_000_000)]
"""A whole, positive number of packs. Fractions and negatives are refused, never rounded."""
Quantity = Annotated[
    Decimal,
    Field(gt=0, le=100_000_000, max_digits=15, decimal_places=6),
    BeforeValidator(json_number),
    PlainSerializer(as_json_number, when_used="json"),
    WithJsonSchema({"type": "number", "exclusiveMinimum": 0, "maximum": 100_000_000}),
]
"""A quantity of a unit, exact to six decimals, with fractions where the unit has them."""
QuantityOrNone = Annotated[
    Decimal,
    Field(ge=0, le=100_000_000, max_digits=15, decimal_places=6),
    BeforeValidator(json_number),
    PlainSerializer(as_json_number, when_used="json"),
    WithJsonSchema({"type": "number", "minimum": 0, "maximum": 100_000_000}),
]
"""The same, none among them."""

Money = Annotated[
    Decimal,
    Field(ge=0, le=10**12, decimal_places=4),
    BeforeValidator(_amount),
    AfterValidator(_shortest),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "number", "minimum": 0, "maximum": 10**12},
                {"type": "string", "pattern": f"^{_AMOUNT.pattern}$"},
            ]
        }
    ),
]
"""An amount of money, exact: a decimal string, or a number of at most 15 digits. ISO 4217 has no currency of more than
four decimals."""


class Unit(StrEnum):
    """Units of measure, as GS1 uses them: UN/ECE Recommendation 20, and packages of Recommendation 21."""

    PACK = "PK"
    EACH = "EA"
    PIECE = "H87"
    KIT = "KT"
    BOX = "BX"
    CARTON = "CT"
    CASE = "CS"
    PALLET = "PF"
    GRAM = "GRM"
    KILOGRAM = "KGM"
    TONNE = "TNE"
    MILLILITRE = "MLT"
    LITRE = "LTR"
    CUBIC_METRE = "MTQ"


class InUnit(Contract):
    """Says in which `unit` its numbers are: in that which the item is kept in when absent."""

    unit: Unit | None = None

    @field_validator("quantity", "packs", "damaged", check_fields=False)
    @classmethod
    def _whole(cls, number: Decimal | None, info: ValidationInfo) -> Decimal | None:
        if number is not None and number % 1 and info.data.get("unit") is None:
            raise ValueError("must be a whole number where no unit is stated")
        return number


class Variant(StrEnum):
    """How an order is fulfilled. Each variant has its own milestones: see `domain.milestones.variants`."""

    DISTRIBUTION_CENTRE = "distribution_centre"
    DIRECT_DROP = "direct_drop"


class Role(StrEnum):
    """The role of a caller; decides which operations and which milestones it may send."""

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
    """The origin of a failure. Set where the error is raised, carried to the ledger, inbox and search attributes."""

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
    UNKNOWN_OUTCOME = "unknown_outcome"
    """It may have been done: an answer was lost, and the system cannot be asked."""
