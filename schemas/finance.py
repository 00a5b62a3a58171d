"""What stock is worth, read from the stock ledger: one ledger for finance and supply chain; a figure has its time."""

from datetime import date
from decimal import Decimal
from enum import StrEnum

from schemas.base import Contract, Moment
from schemas.stock import Bucket


class Account(StrEnum):
    """Where the value of packs is shown, by the place they are at.

    `goods_in_transit` is what was issued and not delivered (goods issue debits it and credits `inventory`);
    `cost_of_goods_sold` what was delivered; `suppliers` what they sent, to our sites or straight to customers; `losses`
    what was scrapped, lost, or missing at a count.
    """

    INVENTORY = "inventory"
    GOODS_IN_TRANSIT = "goods_in_transit"
    COST_OF_GOODS_SOLD = "cost_of_goods_sold"
    SUPPLIERS = "suppliers"
    LOSSES = "losses"


ACCOUNT_OF = {
    Bucket.ON_HAND: Account.INVENTORY,
    Bucket.ALLOCATED: Account.INVENTORY,
    Bucket.RETURNS: Account.INVENTORY,
    Bucket.BLOCKED: Account.INVENTORY,
    Bucket.TRANSIT: Account.GOODS_IN_TRANSIT,
    Bucket.CUSTOMER: Account.COST_OF_GOODS_SOLD,
    Bucket.SUPPLIER: Account.SUPPLIERS,
    Bucket.SCRAP: Account.LOSSES,
    Bucket.ADJUSTMENT: Account.LOSSES,
}


class AccountBalance(Contract):
    """Value and packs in an account, in one currency. What has no value is counted in packs only."""

    account: Account
    currency: str
    amount: Decimal
    packs: int


class Accounts(Contract):
    """Answer to `GET /v1/finance/accounts`. The amounts of a currency sum to zero. `as_of` is when it was read."""

    as_of: Moment
    accounts: tuple[AccountBalance, ...]


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
