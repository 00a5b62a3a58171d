"""Supply that is expected: what a purchase or transfer order will bring to a site, and the day."""

from datetime import date
from enum import StrEnum
from typing import ClassVar

from schemas.base import Contract
from schemas.changes import Change
from schemas.inventory.stock import Figure


class SupplyKind(StrEnum):
    """What expected supply comes from."""

    PURCHASE = "purchase"
    TRANSFER = "transfer"
    RETURN = "return"


class Supply(Contract):
    """`packs` of an item that are still to come to a site on a day; 0 when all came or none will.

    `key` identifies it for ever: `po/<erp>/<number>/<line>`; `ref` names it for people: `PO 4500017`. `shipment` is
    what carries it, once that is known.
    """

    key: str
    item: str
    site: str
    kind: SupplyKind
    ref: str
    packs: int
    day: date
    shipment: str = ""


class StockReport(Contract):
    """Answer to `GET {system}/v1/stock`: what a system's own books say, each figure at a place
    (`schemas.inventory.stock`).

    A warehouse answers for its site, an ERP and planning for every site and `transit:` places that they keep.
    """

    figures: tuple[Figure, ...] = ()


class SuppliesChanged(Change):
    """What is still to come, by key: new, changed, or over (0 packs)."""

    tag: ClassVar[str] = "supplies"
    supplies: tuple[Supply, ...] = ()
