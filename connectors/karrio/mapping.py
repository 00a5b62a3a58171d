"""Our tenders as Karrio's shipments, and back. Pure.

A tender is known by its reference, `<erp>/<order>` with `@<site>` for another site's packs. What Karrio has no field
for stands in the shipment's metadata, under names that begin with `syncline_`.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from hashlib import sha256
from math import ceil
from typing import Any

from connectors.karrio.codes import BOUGHT, CANCELLED, DEPARTED, DRAFT
from connectors.karrio.rates import CarrierRate, RateWish, read_rate
from connectors.karrio.settings import KarrioSettings, SiteAddress
from schemas.ids import EffectKey
from schemas.orders.release import Party

MAX_REFERENCE = 100
"""Karrio keeps no more characters of a reference (OpenAPI of 2026.1, `ShipmentData`)."""
LINE = 100
"""Of a line of an address: see `connectors.karrio.settings`."""
KEY, REVISION, PACKS, DAY = "syncline_key", "syncline_revision", "syncline_packs", "syncline_promised_on"
REASON, VOID, VOID_REVISION = "syncline_reason", "syncline_void", "syncline_void_revision"
NEVER = -1
"""A revision before every other."""


class TooManyParcels(Exception):
    """The tender has more parcels than one shipment may have."""


@dataclass(frozen=True)
class BookedShipment:
    """A shipment in Karrio, as far as it concerns us. `key`: of the call that made it. `voided_by`: of the call that
    took it back, when it said so."""

    id: str
    status: str
    reference: str
    created_at: str
    carrier: str
    tracking_number: str
    key: str
    revision: int
    packs: int
    promised_on: date | None
    voided_by: str
    voided_at: int
    rates: tuple[CarrierRate, ...]
    selected: CarrierRate | None
    said: dict[str, Any] = field(repr=False)

    @property
    def is_live(self) -> bool:
        """Whether a carrier is to come for it, or has it."""
        return self.status == BOUGHT or self.status in DEPARTED

    @property
    def is_departed(self) -> bool:
        """Whether the carrier has it."""
        return self.status in DEPARTED

    @property
    def is_draft(self) -> bool:
        """Whether nothing was bought yet."""
        return self.status == DRAFT

    @property
    def is_cancelled(self) -> bool:
        """Whether it was taken back."""
        return self.status == CANCELLED


@dataclass(frozen=True)
class BookingOrder:
    """What is to be booked. `replaces`: also bookings of the same revision, since it changes them."""

    reference: str
    key: str
    revision: int
    body: dict[str, Any]
    wishes: tuple[RateWish, ...]


def reference_of(key: str, order: str, site: str | None) -> str:
    """The reference of a tender: the same for all that is said of it, so that one look finds it all."""
    try:
        owner = str(EffectKey.parse(key).subject)
    except ValueError:
        owner = order
    return bounded(f"{owner}@{site}" if site else owner)


def bounded(reference: str) -> str:
    """A reference that Karrio can keep; of a longer one the beginning, and a digest of all of it."""
    if len(reference) <= MAX_REFERENCE:
        return reference
    return f"{reference[: MAX_REFERENCE - 17]}~{sha256(reference.encode()).hexdigest()[:16]}"


def address(party: Party, settings: KarrioSettings) -> dict[str, Any]:
    """A party as an address. One of our sites has its own in the settings; of another, the text is taken apart by the
    pattern of the settings, and else stands in the first lines."""
    if known := settings.sites.get(party.id):
        return site_address(known)
    name = (party.name or party.id)[:LINE]
    said = {"person_name": name, "company_name": name, "country_code": party.country, "email": party.email}
    return said | _lines(party.address or "", settings.address_pattern)


def site_address(site: SiteAddress) -> dict[str, Any]:
    """One of our sites as an address."""
    said = site.model_dump(exclude={"name"})
    return {"person_name": site.name[:LINE], "company_name": site.name[:LINE]} | {k: v for k, v in said.items() if v}


def _lines(text: str, pattern: str) -> dict[str, Any]:
    if pattern and (match := re.fullmatch(pattern, text, re.DOTALL)):
        parts = {name: part.strip() for name, part in match.groupdict().items() if part}
        street = parts.pop("street", "")
        return parts | _split(street)
    return _split(text)


def _split(text: str) -> dict[str, Any]:
    """A text on two lines, the first as long as it may be, broken between words. What does not fit is not cut off:
    Karrio refuses it, and names the line."""
    line = " ".join(text.split())
    if len(line) <= LINE:
        return {"address_line1": line or None}
    at = line.rfind(" ", 0, LINE + 1)
    at = at if at > 0 else LINE
    return {"address_line1": line[:at], "address_line2": line[at:].strip()}


def parcels(packs: int, settings: KarrioSettings) -> list[dict[str, Any]]:
    """Parcels of so many packs; the last one has the rest. Raises TooManyParcels."""
    count = ceil(packs / settings.packs_per_parcel)
    if count > settings.max_parcels:
        raise TooManyParcels
    size = {"length": settings.length_cm, "width": settings.width_cm, "height": settings.height_cm}
    measured = {**size, "dimension_unit": "CM"} if all(size.values()) else {}
    full, rest = settings.packs_per_parcel, packs - (count - 1) * settings.packs_per_parcel
    held = [*([full] * (count - 1)), rest]
    return [{"weight": float(it * settings.pack_weight_kg), "weight_unit": "KG", **measured} for it in held]


def shipment(
    reference: str, notes: dict[str, Any], packs: int, settings: KarrioSettings, **parts: Any
) -> dict[str, Any]:
    """The body of a new shipment. `notes`: metadata, without what is None. `parts`: shipper, recipient, and others that
    are told as they are. Raises TooManyParcels."""
    options = {"currency": settings.currency} if settings.currency else {}
    metadata = {name: str(it) for name, it in notes.items() if it is not None and it != ""}
    told = {name: it for name, it in parts.items() if it}
    return {
        **told,
        "parcels": parcels(packs, settings),
        "reference": reference,
        "options": options,
        "label_type": settings.label_type,
        "metadata": {**metadata, PACKS: str(packs)},
    }


PARTY = ("person_name", "company_name", "address_line1", "address_line2", "street_number", "postal_code", "city")
REST = ("state_code", "country_code", "phone_number", "email", "residential")


def same_address(said: dict[str, Any]) -> dict[str, Any]:
    """An address of a shipment, for another one: without ids of Karrio's."""
    return {name: said[name] for name in (*PARTY, *REST) if said.get(name) is not None}


def read_booking(said: Any) -> BookedShipment:
    """A shipment of Karrio's. Raises KeyError, TypeError, ValueError or ArithmeticError for what is none."""
    notes = said.get("metadata") or {}
    rate = said.get("selected_rate")
    created = _text(said["created_at"])
    shipped_on = date.fromisoformat(created[:10])
    return BookedShipment(
        id=_text(said["id"]),
        status=_text(said["status"]),
        reference=_text(said.get("reference") or ""),
        created_at=created,
        carrier=_text(said.get("carrier_id") or ""),
        tracking_number=_text(said.get("tracking_number") or ""),
        key=_text(notes.get(KEY) or ""),
        revision=int(notes.get(REVISION) or NEVER),
        packs=int(notes.get(PACKS) or len(said.get("parcels") or ())),
        promised_on=date.fromisoformat(notes[DAY]) if notes.get(DAY) else None,
        voided_by=_text(notes.get(VOID) or ""),
        voided_at=int(notes.get(VOID_REVISION) or NEVER),
        rates=tuple(read_rate(it, shipped_on) for it in said.get("rates") or ()),
        selected=read_rate(rate, shipped_on) if rate else None,
        said=said,
    )


def oldest(bookings: Iterable[BookedShipment]) -> BookedShipment | None:
    """The one that was made first: of several, all who look keep the same."""
    return min(bookings, key=lambda it: (it.created_at, it.id), default=None)


def _text(said: object) -> str:
    if not isinstance(said, str) or "\x00" in said:
        raise TypeError("is no text")
    return said
