"""Procurement documents: purchase order, supplier's confirmation, advance ship notice, goods receipt, invoice.

Each has a `revision`: the highest one of a document holds, whichever comes last. Partners send them as CloudEvents
(`schemas.envelope`), whose `type` carries the version of the contract; the ERP posts its purchase orders as they are.
"""

from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, model_validator

from schemas.base import Contract, Day, Moment, OrderNumber, Packs, Region, Role, ShipmentId, SiteId, SystemId, Unit
from schemas.identifiers import Currency, Sscc
from schemas.milestones import ItemId, LineNumber

Price = Annotated[Decimal, Field(ge=0, max_digits=15, decimal_places=4)]
"""Price of one pack in the currency of the document; exact, to four decimals."""
Count = Annotated[int, Field(strict=True, ge=0, le=100_000_000)]
"""Packs, none among them."""
Revision = Annotated[int, Field(strict=True, ge=1, le=99_999)]
DocumentNumber = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,59}$")]
"""Number of a receipt or invoice, unique for whoever issues it on one purchase order."""


class Match(StrEnum):
    """What an invoice is matched with: the order (2-way), also what was received (3), also what was accepted (4)."""

    TWO_WAY = "two_way"
    THREE_WAY = "three_way"
    FOUR_WAY = "four_way"


def _each_once(lines: "tuple[PurchaseLine | _Line, ...]") -> None:
    numbers = [line.line for line in lines]
    if len(set(numbers)) != len(numbers):
        raise ValueError("lines: each line number may appear once")


class PurchaseLine(Contract):
    """So many packs of an item, at a price per pack, due at the site on a day."""

    line: LineNumber
    item: ItemId
    packs: Packs
    unit_price: Price
    due_on: Day


class PurchaseOrder(Contract):
    """What an ERP orders from a supplier. The ERP owns it: a higher `revision` replaces it, `cancelled` ends it.

    `match`: how its invoices are matched, where that is not left to the policy. `replenishment`: the proposal it fills.
    `from_site` makes it a transfer order: `supplier` is the partner that speaks for the warehouse of that site, prices
    are what the goods are worth, and nobody sends an invoice.
    """

    number: OrderNumber
    revision: Revision = 1
    supplier: SystemId
    site: SiteId
    region: Region
    currency: Currency
    ordered_at: Moment
    carrier: SystemId | None = None
    from_site: SiteId | None = None
    match: Match | None = None
    cancelled: bool = False
    replenishment: str | None = Field(None, max_length=80)
    lines: Annotated[tuple[PurchaseLine, ...], Field(min_length=1, max_length=500)]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        _each_once(self.lines)
        if any(line.due_on < self.ordered_at.date() for line in self.lines):
            raise ValueError("lines: a line is due before it was ordered")
        if self.from_site == self.site:
            raise ValueError("from_site: goods cannot come from where they go")
        return self


class _Line(Contract):
    line: LineNumber


class _OfPurchase(Contract):
    """A document on the purchase order `po` of `erp`."""

    erp: SystemId
    po: OrderNumber
    revision: Revision = 1


class ConfirmedLine(_Line):
    """Packs of a line that the supplier will bring, none when it will not, and the day at the site.

    `unit_price` and `item`, where they are not as ordered: another price, another item instead.
    """

    packs: Count
    day: Day
    unit_price: Price | None = None
    item: ItemId | None = None


class SupplierConfirmation(_OfPurchase):
    """What the supplier confirms. A line that is not named is not confirmed."""

    lines: Annotated[tuple[ConfirmedLine, ...], Field(min_length=1, max_length=500)]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        _each_once(self.lines)
        return self


class AdvisedLine(_Line):
    """Packs of a line in a shipment."""

    packs: Packs


class DespatchAdvice(_OfPurchase):
    """Advance ship notice: a shipment has left the supplier. `carrier` may then report on it by its number."""

    shipment: ShipmentId
    shipped_at: Moment
    eta: Moment
    carrier: SystemId | None = None
    lines: Annotated[tuple[AdvisedLine, ...], Field(min_length=1, max_length=500)]
    handling_units: Annotated[tuple[Sscc, ...], Field(max_length=500)] = ()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        _each_once(self.lines)
        if self.eta < self.shipped_at:
            raise ValueError("eta: must not lie before shipped_at")
        return self


class ReceivedLine(_Line):
    """Packs of a line that were received, and how many of them are damaged."""

    packs: Count
    damaged: Count = 0

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.damaged > self.packs:
            raise ValueError("damaged: must not be more than packs")
        return self


class GoodsReceipt(_OfPurchase):
    """What the warehouse of the site received. `final`: nothing more is expected on this purchase order."""

    number: DocumentNumber
    site: SiteId
    shipment: ShipmentId | None = None
    received_at: Moment
    final: bool = False
    lines: Annotated[tuple[ReceivedLine, ...], Field(min_length=1, max_length=500)]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        _each_once(self.lines)
        return self


class InvoicedLine(_Line):
    """Packs of a line that are invoiced, at a price per pack. Another `unit` than packs cannot be matched."""

    packs: Packs
    unit_price: Price
    unit: Unit = Unit.PACK


class Invoice(_OfPurchase):
    """What the supplier wants to be paid, by `due_on`; or, with `credits`, a credit note on packs of that invoice."""

    number: DocumentNumber
    credits: DocumentNumber | None = None
    currency: Currency
    due_on: Day
    lines: Annotated[tuple[InvoicedLine, ...], Field(min_length=1, max_length=500)]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        _each_once(self.lines)
        return self

    @property
    def amount(self) -> Decimal:
        """The sum over its lines; negative for a credit note."""
        total = sum((line.packs * line.unit_price for line in self.lines), Decimal())
        return -total if self.credits else total


Paper = PurchaseOrder | SupplierConfirmation | DespatchAdvice | GoodsReceipt | Invoice
PAPERS: dict[str, type[Paper]] = {
    "syncline.procurement.order.v1": PurchaseOrder,
    "syncline.procurement.confirmation.v1": SupplierConfirmation,
    "syncline.procurement.despatch.v1": DespatchAdvice,
    "syncline.procurement.receipt.v1": GoodsReceipt,
    "syncline.procurement.invoice.v1": Invoice,
}
"""What partners send, by the `type` of its CloudEvent."""
OWNERS: dict[type[Paper], frozenset[Role]] = {
    PurchaseOrder: frozenset({Role.ERP}),
    SupplierConfirmation: frozenset({Role.SUPPLIER, Role.WMS}),
    DespatchAdvice: frozenset({Role.SUPPLIER, Role.WMS}),
    GoodsReceipt: frozenset({Role.WMS}),
    Invoice: frozenset({Role.SUPPLIER, Role.ERP}),
}
"""Who owns each of them; nobody else may send it. A warehouse confirms and sends what leaves it for another site."""
