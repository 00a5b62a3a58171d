"""Procurement documents: purchase order, supplier's confirmation, advance ship notice, goods receipt, invoice.

Each has a `revision`: the highest one of a document holds, in any order of arrival. Here is what our books make of
them, in whole numbers of what items are kept in; `schemas.procurement.sent_documents` is how partners send them.
"""

from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Generic, Self, TypeVar

from pydantic import Field, WithJsonSchema, model_validator

from schemas.base import (
    Contract,
    Day,
    Exact,
    LocalMoment,
    Moment,
    OrderNumber,
    Packs,
    Region,
    Role,
    ShipmentId,
    SiteId,
    SystemId,
    Unit,
)
from schemas.notation import decimal_schema
from schemas.orders.milestones import ItemId, LineNumber
from schemas.orders.release import Amount
from schemas.procurement.rates import Rate, sum_of
from schemas.standard_identifiers import Currency, Sscc

Price = Annotated[
    Exact,
    Field(ge=0, max_digits=15, decimal_places=4),
    WithJsonSchema(decimal_schema(minimum=0), mode="validation"),
]
"""Price in the currency of the document; exact, to four decimals."""
Count = Annotated[int, Field(strict=True, ge=0, le=100_000_000)]
"""Packs, none among them."""
Revision = Annotated[int, Field(strict=True, ge=1, le=99_999)]
DocumentNumber = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,59}$")]
"""Number of a receipt or invoice, unique for its issuer on one purchase order."""


class Match(StrEnum):
    """The documents that an invoice is matched with: the order (2-way), also receipts (3), also acceptance (4)."""

    TWO_WAY = "two_way"
    THREE_WAY = "three_way"
    FOUR_WAY = "four_way"


class LineOf(Contract):
    """The fields of every document line."""

    line: LineNumber


Line = TypeVar("Line", bound=LineOf)


class _Lines(Contract, Generic[Line]):
    lines: Annotated[tuple[Line, ...], Field(min_length=1, max_length=500)]

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        numbers = [line.line for line in self.lines]
        if len(set(numbers)) != len(numbers):
            raise ValueError("lines: each line number may appear once")
        return self


class _DueLine(LineOf):
    due_on: Day


DueLine = TypeVar("DueLine", bound=_DueLine)


class PurchaseLineOf(_DueLine, Generic[Amount]):
    """An ordered line, in any unit."""

    item: ItemId
    packs: Amount
    unit_price: Price
    per: Packs = 1


class PurchaseLine(PurchaseLineOf[int]):
    """A quantity of an item in packs, at a price for `per` packs, due at the site on a day."""

    packs: Packs

    @property
    def rate(self) -> Rate:
        """Its price."""
        return Rate(self.unit_price, self.per)


class OrderOf(_Lines[DueLine], Generic[DueLine]):
    """A purchase order, in any unit."""

    number: OrderNumber
    revision: Revision = 1
    supplier: SystemId
    site: SiteId
    region: Region
    currency: Currency
    ordered_at: LocalMoment
    carrier: SystemId | None = None
    from_site: SiteId | None = None
    match: Match | None = None
    cancelled: bool = False
    replenishment: str | None = Field(None, max_length=80)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if any(line.due_on < self.ordered_at.date() for line in self.lines):
            raise ValueError("lines: a line is due before it was ordered")
        if self.from_site == self.site:
            raise ValueError("from_site: goods cannot come from where they go")
        return self


class PurchaseOrder(OrderOf[PurchaseLine]):
    """A purchase order of an ERP, to a supplier or to another site."""


class OfPurchase(_Lines[Line], Generic[Line]):
    """A document on the purchase order `po` of `erp`."""

    erp: SystemId
    po: OrderNumber
    revision: Revision = 1


class ConfirmedLineOf(LineOf, Generic[Amount]):
    """A confirmed line, in any unit."""

    packs: Amount
    day: Day
    unit_price: Price | None = None
    per: Packs = 1
    item: ItemId | None = None


class ConfirmedLine(ConfirmedLineOf[int]):
    """Packs of a line that the supplier will bring, none when it will not, and the day at the site."""

    packs: Count

    @property
    def rate(self) -> Rate | None:
        """Its price, where that is said."""
        return None if self.unit_price is None else Rate(self.unit_price, self.per)


class SupplierConfirmation(OfPurchase[ConfirmedLine]):
    """The confirmation of the supplier. A line that is not named is not confirmed."""


class AdvisedLineOf(LineOf, Generic[Amount]):
    """An advised line, in any unit."""

    packs: Amount


class AdvisedLine(AdvisedLineOf[int]):
    """Packs of a line in a shipment."""

    packs: Packs


class AdviceOf(OfPurchase[Line], Generic[Line]):
    """An advance ship notice, in any unit."""

    shipment: ShipmentId
    shipped_at: Moment
    eta: Moment
    carrier: SystemId | None = None
    handling_units: Annotated[tuple[Sscc, ...], Field(max_length=500)] = ()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.eta < self.shipped_at:
            raise ValueError("eta: must not lie before shipped_at")
        return self


class DespatchAdvice(AdviceOf[AdvisedLine]):
    """A shipment has left the supplier."""


class ReceivedLineOf(LineOf, Generic[Amount]):
    """A received line, in any unit."""

    packs: Amount
    damaged: Amount

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.damaged > self.packs:
            raise ValueError("damaged: must not be more than packs")
        return self


class ReceivedLine(ReceivedLineOf[int]):
    """Packs of a line that were received, and how many of them are damaged."""

    packs: Count
    damaged: Count = 0


class ReceiptOf(OfPurchase[Line], Generic[Line]):
    """A goods receipt, in any unit."""

    number: DocumentNumber
    site: SiteId
    shipment: ShipmentId | None = None
    received_at: Moment
    final: bool = False


class GoodsReceipt(ReceiptOf[ReceivedLine]):
    """The receipt of the site's warehouse."""


class InvoicedLineOf(LineOf, Generic[Amount]):
    """An invoiced line, in any unit."""

    packs: Amount
    unit_price: Price
    per: Packs = 1


class InvoicedLine(InvoicedLineOf[int]):
    """Packs of a line that are invoiced, at a price for `per` packs. `unit`: of documents that were taken in before
    units were converted; none but the pack could be matched."""

    packs: Packs
    unit: Unit = Unit.PACK

    @property
    def rate(self) -> Rate:
        """Its price."""
        return Rate(self.unit_price, self.per)


class InvoiceOf(OfPurchase[Line], Generic[Line]):
    """An invoice, in any unit."""

    number: DocumentNumber
    credits: DocumentNumber | None = None
    currency: Currency
    due_on: Day


class Invoice(InvoiceOf[InvoicedLine]):
    """The supplier's invoice, or with `credits` a credit note on packs of that invoice."""

    @property
    def amount(self) -> Decimal:
        """The sum over its lines; negative for a credit note."""
        total = sum_of(line.packs * line.rate.exact for line in self.lines)
        return -total if self.credits else total


ProcurementDocument = PurchaseOrder | SupplierConfirmation | DespatchAdvice | GoodsReceipt | Invoice
DOCUMENTS: dict[str, type[ProcurementDocument]] = {
    "syncline.procurement.order.v1": PurchaseOrder,
    "syncline.procurement.confirmation.v1": SupplierConfirmation,
    "syncline.procurement.despatch.v1": DespatchAdvice,
    "syncline.procurement.receipt.v1": GoodsReceipt,
    "syncline.procurement.invoice.v1": Invoice,
}
"""The documents of partners, by the `type` of their CloudEvent."""
OWNERS: dict[type[ProcurementDocument], frozenset[Role]] = {
    PurchaseOrder: frozenset({Role.ERP}),
    SupplierConfirmation: frozenset({Role.SUPPLIER, Role.WMS}),
    DespatchAdvice: frozenset({Role.SUPPLIER, Role.WMS}),
    GoodsReceipt: frozenset({Role.WMS}),
    Invoice: frozenset({Role.SUPPLIER, Role.ERP}),
}
"""The owner of each document; nobody else may send it. A warehouse confirms and sends what leaves it for another
site."""
