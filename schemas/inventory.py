"""Inventory movements: what happens to stock at a site."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from schemas.base import Contract, Moment, Packs, ShipmentId, SiteId, Unit
from schemas.identifiers import Gtin


class MovementKind(StrEnum):
    """Why stock moved."""

    RECEIPT = "receipt"
    ALLOCATION = "allocation"
    PICK = "pick"
    SHIP = "ship"
    DELIVER = "deliver"
    DAMAGE = "damage"
    ADJUST = "adjust"
    RETURN = "return"


class InventoryMovement(Contract):
    """`quantity` packs of an item moved at a site; `order` or `shipment` say for what."""

    kind: MovementKind
    site: SiteId
    item: Annotated[str, Field(min_length=1, max_length=60, pattern=r"^[\x21-\x7e]+$")]
    gtin: Gtin | None = None
    quantity: Packs
    unit: Unit = Unit.PACK
    occurred_at: Moment
    order: str | None = None
    shipment: ShipmentId | None = None
