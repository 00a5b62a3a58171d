"""One row of the supply chain history, read: typed and checked, or refused with the rule that it breaks.

The file is the US government's public-domain record of health supply chain deliveries (USAID, Supply Chain Management
System). Its columns are in the words of its authors: `po / so #`, `asn/dn #`, `fulfill via`.
"""

import hashlib
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from functools import lru_cache
from typing import Literal, TypeVar

from pydantic import TypeAdapter, ValidationError

from schemas.base import OrderNumber, ShipmentId, Variant
from schemas.standard_identifiers import Incoterm, TransportMode
from simulators.orders import countries

ORDER = "po / so #"
SHIPMENT = "asn/dn #"
SCHEDULED = "scheduled delivery date"
DELIVERED = "delivered to client date"
RECORDED = "delivery recorded date"
PO_SENT = "po sent to vendor date"
PQ_SENT = "pq first sent to client date"
QUANTITY = "line item quantity"
VALUE = "line item value"
WEIGHT = "weight (kilograms)"
FREIGHT = "freight cost (usd)"
INSURANCE = "line item insurance (usd)"
MADE_AT = "manufacturing site"
ITEM = "item description"
MOLECULE = "molecule/test type"
DOSAGE = "dosage"
PACK = "unit of measure (per pack)"
COUNTRY = "country"
CLIENT = "project code"
VENDOR = "vendor"
VIA = "fulfill via"
TERM = "vendor inco term"
MODE = "shipment mode"
COLUMNS = frozenset(
    {ORDER, SHIPMENT, SCHEDULED, DELIVERED, RECORDED, PO_SENT, PQ_SENT, QUANTITY, VALUE, WEIGHT, FREIGHT, INSURANCE}
    | {MADE_AT, ITEM, MOLECULE, DOSAGE, PACK, COUNTRY, CLIENT, VENDOR, VIA, TERM, MODE}
)

VARIANTS = {"From RDC": Variant.DISTRIBUTION_CENTRE, "Direct Drop": Variant.DIRECT_DROP}
MODES = {
    "Air": TransportMode.AIR,
    "Air Charter": TransportMode.AIR_CHARTER,
    "Ocean": TransportMode.OCEAN,
    "Truck": TransportMode.ROAD,
}
FROM_RDC = "N/A - From RDC"
_LARGEST_QUANTITY = 100_000_000
"""Units of a row; a larger number is a slip."""
_LONGEST_SYSTEM_ID = 32
"""Characters of a partner id, as `schemas.base` allows."""
T = TypeVar("T")
_NUMBER = TypeAdapter[str](OrderNumber)
_SHIPMENT = TypeAdapter[str](ShipmentId)


class Rule(StrEnum):
    """Handling of dirt by the import. The first group refuses the row, the second adjusts it and goes on."""

    CELLS = "the row must have a cell for every column and no more, or it is refused"
    NUMBER = "order and shipment numbers must be letters, digits, dots, hyphens or underscores, or the row is refused"
    DAY = "scheduled and delivered days must be dates between 1990 and 2100, or the row is refused"
    WHOLE = "a quantity must be a whole number of packs from 1 to 100,000,000, or the row is refused"
    UNKNOWN = "a country, way of fulfilment, mode or Incoterm that is not known is refused, never guessed"
    EMPTY = "item, client and vendor must be given, or the row is refused"
    ORDER_DIFFERS = "rows of one order must agree on client, country, variant, vendor, mode and term, or are refused"
    SHIPMENT_DIFFERS = "rows of one shipment must agree on the day it was delivered; a row that does not is refused"
    SHIPMENT_TAKEN = "a shipment belongs to the order that names it first; a row of another order is refused"
    CONTRACT = "an order that breaks the contract of an order release is refused with all of its rows"

    NOT_RECORDED = "a day of recording that is missing, or before the delivery, becomes the day of delivery"
    PO_MISSING = "a PO date that was not captured is unknown; the PQ date stands in for it"
    NO_RELEASE_DATE = "an order without a PO or PQ date is released on the last day that still allows its lead time"
    RELEASE_MOVED = "an order released too late for its lead time is released on the last day that still allows it"
    AMOUNT = "a weight, value, freight or insurance that is not a number (in words, or `See DN-…`) is unknown"
    NO_MODE = "a shipment without a mode is promised as by air"
    NO_ORIGIN = "a direct drop whose manufacturing site names no country ships from the country it is delivered to"


@dataclass(frozen=True)
class RowFinding:
    """Why a row did not become an order line (`rejected`), or what was changed so that it could (`adjusted`).

    `row` counts as a spreadsheet does: the header is row 1. `field` is the column.
    """

    row: int
    field: str
    rule: str
    kind: Literal["rejected", "adjusted"]


class UnusableRow(Exception):
    """The row cannot become an order line."""

    def __init__(self, field: str, rule: Rule) -> None:
        super().__init__(f"{field}: {rule}")
        self.field = field
        self.rule = rule


@dataclass(frozen=True)
class OrderTerms:
    """Fields on which all rows of one order must agree."""

    client: str
    country: str
    variant: Variant
    vendor: str
    mode: TransportMode | None
    incoterm: Incoterm | None


@dataclass(frozen=True)
class HistoryRow:
    """A usable row: one order line on one shipment. `value` is in US dollars, `sent_on` the PO's day or the PQ's."""

    number: int
    order: str
    shipment: str
    terms: OrderTerms
    item: str
    description: str
    quantity: int
    value: float | None
    scheduled_on: date
    delivered_on: date
    recorded_on: date
    sent_on: date | None
    made_in: str | None


def read_row(number: int, cells: Mapping[str, str]) -> HistoryRow:
    """A typed row. Raises `UnusableRow`."""
    if not cells.keys() >= COLUMNS:
        raise UnusableRow("row", Rule.CELLS)
    variant = _known(cells, VIA, VARIANTS)
    delivered = _required_day(cells, DELIVERED)
    recorded = day(cells[RECORDED]) or delivered
    return HistoryRow(
        number=number,
        order=_identifier(cells, ORDER, _NUMBER),
        shipment=_identifier(cells, SHIPMENT, _SHIPMENT),
        terms=OrderTerms(
            client=_given(cells, CLIENT),
            country=_country(cells),
            variant=variant,
            vendor=_given(cells, VENDOR),
            mode=_known(cells, MODE, MODES) if cells[MODE] else None,
            incoterm=None if cells[TERM] == FROM_RDC else _known(cells, TERM, Incoterm.__members__),
        ),
        item=item_code(_given(cells, ITEM), cells[MOLECULE], cells[DOSAGE], cells[PACK]),
        description=cells[ITEM],
        quantity=_quantity(cells),
        value=amount(cells[VALUE]),
        scheduled_on=_required_day(cells, SCHEDULED),
        delivered_on=delivered,
        recorded_on=max(recorded, delivered),
        sent_on=day(cells[PO_SENT]) or day(cells[PQ_SENT]),
        made_in=countries.country_in(cells[MADE_AT]),
    )


def adjustments(row: HistoryRow, cells: Mapping[str, str]) -> Iterator[RowFinding]:
    """Faults of a row that is usable all the same."""
    broken = [(field, Rule.AMOUNT) for field in (WEIGHT, FREIGHT, INSURANCE, VALUE) if amount(cells[field]) is None]
    if day(cells[RECORDED]) != row.recorded_on:
        broken.append((RECORDED, Rule.NOT_RECORDED))
    if cells[PO_SENT] != FROM_RDC and day(cells[PO_SENT]) is None:
        broken.append((PO_SENT, Rule.PO_MISSING))
    if row.terms.mode is None:
        broken.append((MODE, Rule.NO_MODE))
    if row.terms.variant is Variant.DIRECT_DROP and row.made_in is None:
        broken.append((MADE_AT, Rule.NO_ORIGIN))
    return (RowFinding(row.number, field, rule, "adjusted") for field, rule in broken)


@lru_cache(maxsize=4096)
def day(text: str) -> date | None:
    """A day as the file writes it, `14-Nov-06` or `3/18/2013` (month first). None: it is not one, or not plausible."""
    for form in ("%d-%b-%y", "%m/%d/%Y"):
        try:
            found = datetime.strptime(text, form).date()  # noqa: DTZ007 - the file has days, without a time or zone
        except ValueError:
            continue
        return found if 1990 <= found.year <= 2100 else None  # noqa: PLR2004 - as schemas.base.Moment
    return None


def amount(text: str) -> float | None:
    """A number that is finite and not negative, or None."""
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) and number >= 0 else None


def slug(text: str) -> str:
    """Lower case letters and digits, all else as single hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def item_code(description: str, molecule: str, dosage: str, pack: str) -> str:
    """An item number for a description, at most 60 characters: readable parts and the description's hash."""
    parts = (slug(molecule)[:28].strip("-"), slug(dosage)[:16], slug(pack)[:6], _digest(description))
    return "-".join(part for part in parts if part)


def supplier_id(vendor: str) -> str:
    """A vendor's name as a system id; a name that is too long is cut and made unique by its hash."""
    short = slug(vendor)
    if 1 < len(short) <= _LONGEST_SYSTEM_ID:
        return short
    return f"{short[: _LONGEST_SYSTEM_ID - 7].strip('-') or 'supplier'}-{_digest(vendor)}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:6]


def _required_day(cells: Mapping[str, str], field: str) -> date:
    found = day(cells[field])
    if found is None:
        raise UnusableRow(field, Rule.DAY)
    return found


def _given(cells: Mapping[str, str], field: str) -> str:
    if not cells[field]:
        raise UnusableRow(field, Rule.EMPTY)
    return cells[field]


def _identifier(cells: Mapping[str, str], field: str, kind: TypeAdapter[str]) -> str:
    try:
        return kind.validate_python(cells[field])
    except ValidationError:
        raise UnusableRow(field, Rule.NUMBER) from None


def _known(cells: Mapping[str, str], field: str, meanings: Mapping[str, T]) -> T:
    try:
        return meanings[cells[field]]
    except KeyError:
        raise UnusableRow(field, Rule.UNKNOWN) from None


def _country(cells: Mapping[str, str]) -> str:
    try:
        return countries.alpha2(cells[COUNTRY])
    except LookupError:
        raise UnusableRow(COUNTRY, Rule.UNKNOWN) from None


def _quantity(cells: Mapping[str, str]) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", cells[QUANTITY]) or not 1 <= int(cells[QUANTITY]) <= _LARGEST_QUANTITY:
        raise UnusableRow(QUANTITY, Rule.WHOLE)
    return int(cells[QUANTITY])
