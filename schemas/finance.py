"""Finance as double-entry books of money, beside those of packs: what goods under way are worth, what freight is owed.

Debits are positive, credits negative; every movement sums to zero in each currency. Amounts are decimals, never floats.
"""

from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from schemas.base import Contract, Moment, OrderNumber, ShipmentId, SystemId, Text
from schemas.identifiers import Currency
from schemas.stock import Bucket

Amount = Annotated[Decimal, Field(max_digits=24, decimal_places=6)]
"""Money in the currency that is named beside it."""


class Account(StrEnum):
    """Where value is. The first six follow the packs; the last three are about freight.

    `supplier_clearing`: goods that a supplier ships directly, until its own invoice is booked by the ERP.
    """

    INVENTORY = "inventory"
    GOODS_IN_TRANSIT = "goods_in_transit"
    COST_OF_GOODS_SOLD = "cost_of_goods_sold"
    SUPPLIER_CLEARING = "supplier_clearing"
    STOCK_ADJUSTMENT = "stock_adjustment"
    SCRAP = "scrap"
    FREIGHT_EXPENSE = "freight_expense"
    FREIGHT_ACCRUED = "freight_accrued"
    FREIGHT_PAYABLE = "freight_payable"


ACCOUNT_OF = {
    Bucket.ON_HAND: Account.INVENTORY,
    Bucket.ALLOCATED: Account.INVENTORY,
    Bucket.RETURNS: Account.INVENTORY,
    Bucket.BLOCKED: Account.INVENTORY,
    Bucket.ADJUSTMENT: Account.STOCK_ADJUSTMENT,
    Bucket.TRANSIT: Account.GOODS_IN_TRANSIT,
    Bucket.SUPPLIER: Account.SUPPLIER_CLEARING,
    Bucket.CUSTOMER: Account.COST_OF_GOODS_SOLD,
    Bucket.SCRAP: Account.SCRAP,
}
"""The account of each kind of place: a goods issue goes from inventory to goods in transit, a delivery from there to
cost of goods sold, a return the other way."""


class FreightInvoice(Contract):
    """Body of `POST /v1/freight-invoices`: what carrying a shipment costs. Settles what was accrued for it."""

    id: Text = Field(description="The sender's invoice number: the same number is booked once.")
    order: OrderNumber
    erp: SystemId | None = Field(None, description="Whose order number it is, when several ERPs use it.")
    shipment: ShipmentId
    amount: Annotated[str, Field(pattern=r"^(0|[1-9][0-9]{0,11})(\.[0-9]{1,2})?$")] = Field(
        description="A decimal as text, at most two decimal places."
    )
    currency: Currency = Field(description="That of the order.")


class FreightSettled(Contract):
    """Answer: the accrual that the invoice reversed, the amount booked instead, and the difference."""

    invoice: str
    order: str
    shipment: str
    currency: str
    accrued: Amount
    invoiced: Amount
    difference: Amount


class AccountBalance(Contract):
    """What an account holds in a currency."""

    account: Account
    currency: str
    amount: Amount


class InTransitDay(Contract):
    """Value and packs on the way at the end of a day (UTC), or at `as_of` for its own day."""

    day: date
    currency: str
    packs: int
    amount: Amount


class OpenAccrual(Contract):
    """Freight of a shipment that was accrued and is not invoiced."""

    order: str
    shipment: str
    currency: str
    amount: Amount
    since: Moment


class FinanceDifference(Contract):
    """A place and item whose booked value is not its packs times their value: there must be none."""

    place: str
    item: str
    currency: str
    booked: Amount
    expected: Amount


class FinanceReport(Contract):
    """Answer of `GET /v1/finance`: what finance reads, from the books that supply chain reads, with the time of it."""

    as_of: Moment
    accounts: tuple[AccountBalance, ...]
    in_transit: tuple[InTransitDay, ...]
    accruals: tuple[OpenAccrual, ...]
    unvalued_packs: int
    """Packs on the way whose release states no value: they count as zero."""
    differences: tuple[FinanceDifference, ...]
