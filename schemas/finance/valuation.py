"""The value of stock, read from the stock ledger: one ledger for finance and supply chain; a figure has its time."""

from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from schemas.base import Contract, Moment, OrderNumber, ShipmentId, SystemId, Text
from schemas.inventory.stock import Bucket
from schemas.standard_identifiers import Currency


class Account(StrEnum):
    """Accounts of packs by their place, and of freight.

    `goods_in_transit` was issued and not delivered (goods issue debits it and credits `inventory`).
    `cost_of_goods_sold` was delivered. `suppliers` sent goods, to our sites or straight to customers. `losses` were
    scrapped or lost. `inventory_adjustments` came in without a purchase order (a credit), or are surplus and shortage
    of counts and picks. `freight_accrued` is expected on invoices for goods that have left, `freight_payable` is
    invoiced; both are `freight_expense`.
    """

    INVENTORY = "inventory"
    GOODS_IN_TRANSIT = "goods_in_transit"
    COST_OF_GOODS_SOLD = "cost_of_goods_sold"
    SUPPLIERS = "suppliers"
    LOSSES = "losses"
    INVENTORY_ADJUSTMENTS = "inventory_adjustments"
    FREIGHT_EXPENSE = "freight_expense"
    FREIGHT_ACCRUED = "freight_accrued"
    FREIGHT_PAYABLE = "freight_payable"


ACCOUNT_OF = {
    Bucket.ON_HAND: Account.INVENTORY,
    Bucket.ALLOCATED: Account.INVENTORY,
    Bucket.RETURNS: Account.INVENTORY,
    Bucket.BLOCKED: Account.INVENTORY,
    Bucket.TRANSIT: Account.GOODS_IN_TRANSIT,
    Bucket.CUSTOMER: Account.COST_OF_GOODS_SOLD,
    Bucket.SUPPLIER: Account.SUPPLIERS,
    Bucket.SCRAP: Account.LOSSES,
    Bucket.RECEIVED: Account.INVENTORY_ADJUSTMENTS,
    Bucket.ADJUSTMENT: Account.INVENTORY_ADJUSTMENTS,
}


class AccountBalance(Contract):
    """Value and packs in an account, in one currency. Goods without a value are counted in packs only."""

    account: Account
    currency: str
    amount: Decimal
    packs: int


class OpenAccrual(Contract):
    """Freight of a shipment that was accrued when it left, and is not invoiced."""

    order: str
    shipment: str
    currency: str
    amount: Decimal
    since: Moment


class Accounts(Contract):
    """Answer to `GET /v1/finance/accounts`. The amounts of a currency sum to zero. `as_of` is when it was read, or
    the moment that was asked for: what was booked by then."""

    as_of: Moment
    accounts: tuple[AccountBalance, ...]
    accruals: tuple[OpenAccrual, ...] = Field((), description="The oldest 500 that no invoice has settled.")


class InTransitDay(Contract):
    """Goods in transit at the end of a day (UTC), as they were booked."""

    day: date
    currency: str
    amount: Decimal
    packs: int


class InTransit(Contract):
    """Answer to `GET /v1/finance/in-transit`: the last day's figure is that of `as_of`."""

    as_of: Moment
    days: tuple[InTransitDay, ...]


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
    accrued: Decimal
    invoiced: Decimal
    difference: Decimal
