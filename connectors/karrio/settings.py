"""What a connection to Karrio says beside address and login."""

import re
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from schemas.base import SiteId, SystemId, Text
from schemas.days import TimeZone
from schemas.standard_identifiers import Country, Currency

Line = Annotated[str, Field(max_length=100)]
"""Karrio keeps no more characters of a line of an address (OpenAPI of 2026.1, `AddressData`)."""
Short = Annotated[str, Field(max_length=50)]
Kilograms = Annotated[Decimal, Field(gt=0, le=30_000, decimal_places=3)]
Centimetres = Annotated[int, Field(gt=0, le=2_000)]
GROUPS = frozenset({"street", "postal_code", "city", "state_code"})
"""Parts of an address that a pattern may name."""


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SiteAddress(_Settings):
    """The address of a site as carriers want it: where they pick up, and bring returns."""

    name: Text
    address_line1: Line
    address_line2: Line = ""
    postal_code: Annotated[str, Field(max_length=20)] = ""
    city: Short = ""
    state_code: Short = ""
    country_code: Country
    phone_number: Short = ""


class KarrioSettings(_Settings):
    """Settings of the connector `karrio`.

    `pack_weight_kg`: weight of a pack; carriers rate by it. `packs_per_parcel`: packs in one parcel. `max_parcels`: a
    tender of more is refused. `length_cm`, `width_cm`, `height_cm`: of a parcel, all or none. `currency`: rates in
    another one are not chosen. `carriers`: Karrio's `carrier_id` by our name of a carrier; the names are the same
    without it. `sites`: addresses of our sites. `address_pattern`: a regular expression with the groups `street`,
    `postal_code`, `city` and `state_code`, for addresses that are one text. `unknown_transit`: whether a rate that
    says no transit time comes `last`, or is refused. `return_labels`: returns go by the carriers' own return labels,
    which not every carrier has; else by shipments from the customer to the site. `time_zone`: of tracking events
    that state no offset; quarantined without it. `webhook_url`: where Karrio is to send events.
    """

    pack_weight_kg: Kilograms
    packs_per_parcel: Annotated[int, Field(ge=1)] = 1
    max_parcels: Annotated[int, Field(ge=1, le=1_000)] = 100
    length_cm: Centimetres | None = None
    width_cm: Centimetres | None = None
    height_cm: Centimetres | None = None
    currency: Currency | None = None
    carriers: dict[SystemId, Text] = Field(default_factory=dict)
    sites: dict[SiteId, SiteAddress] = Field(default_factory=dict)
    address_pattern: Annotated[str, Field(max_length=500)] = ""
    label_type: Literal["PDF", "ZPL", "PNG"] = "PDF"
    unknown_transit: Literal["last", "refuse"] = "last"
    return_labels: bool = False
    time_zone: TimeZone | None = None
    webhook_url: Annotated[str, Field(pattern=r"^https?://[^\s@]+$", max_length=500)] = ""

    @field_validator("address_pattern")
    @classmethod
    def _compiles(cls, pattern: str) -> str:
        try:
            unknown = set(re.compile(pattern).groupindex) - GROUPS
        except re.error as error:
            raise ValueError(f"is no regular expression: {error}") from None
        if unknown:
            raise ValueError(f"has groups that no address has: {', '.join(sorted(unknown))}")
        return pattern

    def karrio_carrier(self, ours: str) -> str:
        """Karrio's `carrier_id` of a carrier."""
        return self.carriers.get(ours, ours)

    def our_carrier(self, theirs: str) -> str:
        """Our name of a carrier that Karrio calls so."""
        return next((ours for ours, known in self.carriers.items() if known == theirs), theirs)
