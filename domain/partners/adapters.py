"""Connectable kinds of this version: adapters, channels and ways to show who we are. A new one is a line here.

Nothing else of the registry names a product.
"""

from dataclasses import dataclass, field

from schemas.base import System
from schemas.partners.registry import CHANNEL_KINDS


@dataclass(frozen=True)
class KnownAdapter:
    """The kinds of system an adapter speaks to, over which channels, and the type of each of its options."""

    systems: frozenset[System]
    channels: frozenset[str] = frozenset({"http"})
    schemes: frozenset[str] = frozenset({"bearer"})
    options: dict[str, type] = field(default_factory=dict)


MASTER_DATA = "master_data"
"""The option of an ERP that answers for its items, sites and customers."""

TRYTON: dict[str, type] = {
    **{"company": int, "warehouses": str, "parties": str},
    **{"short_stock": str, "sales_by": str, "shipment_number_in": str},
}

ADAPTERS: dict[str, KnownAdapter] = {
    "standard": KnownAdapter(frozenset(System), options={MASTER_DATA: bool}),
    "tryton": KnownAdapter(frozenset({System.WMS, System.ERP}), options=TRYTON),
    # one adapter a line: `make connector` writes above this one
}
SCHEMES: dict[str, tuple[str, ...]] = {
    "bearer": ("token",),
}
"""Each scheme of credentials, and the secrets that it needs."""
SERVED_CHANNELS: frozenset[str] = frozenset({"http"})
"""Channels over which something is carried today: a connection over another one cannot be live yet."""
assert set(CHANNEL_KINDS) >= SERVED_CHANNELS
