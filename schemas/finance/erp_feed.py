"""Bulk messages to an ERP: movements beside orders, changed forecasts, freight; and the feed that sends them."""

from decimal import Decimal
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from schemas.base import Contract, Day, Exact, Moment
from schemas.planning.forecast import PeriodLength
from schemas.standard_identifiers import Currency

MAX_BATCH = 500
"""Rows of a call to an ERP: few calls, each small enough to repeat."""
RowKey = Annotated[str, Field(min_length=1)]
"""Makes a row count once in any batch."""


class ErpRowKind(StrEnum):
    """The kind of a row; each kind goes to an address of its own."""

    STOCK = "stock"
    FORECAST = "forecast"
    FREIGHT = "freight"


class ErpStockMovement(Contract):
    """A movement that belongs to no order. `on_hand` and `blocked` are changes in packs at a site, negative for fewer;
    `reason` is the warehouse's."""

    key: RowKey
    kind: str
    site: str
    item: str
    on_hand: int = 0
    blocked: int = 0
    occurred_at: Moment
    reason: str = ""


class ErpStockBatch(Contract):
    """POST {erp}/v1/stock-movements: all or none is taken. Each row's key makes it count once."""

    rows: Annotated[tuple[ErpStockMovement, ...], Field(min_length=1, max_length=MAX_BATCH)]


class ErpForecast(Contract):
    """Packs that are forecast to leave a site in a period, as the newest version says: it replaces what was known."""

    key: RowKey
    item: str
    site: str
    bucket: PeriodLength
    period: Day
    packs: int
    version: str
    made_at: Moment


class ErpForecastBatch(Contract):
    """POST {erp}/v1/forecasts: all or none is taken. Each row's key makes it count once."""

    rows: Annotated[tuple[ErpForecast, ...], Field(min_length=1, max_length=MAX_BATCH)]


class FreightEvent(StrEnum):
    """The reason of a freight posting: goods left, that was reversed, or the carrier has invoiced them."""

    ACCRUAL = "accrual"
    REVERSAL = "reversal"
    SETTLEMENT = "settlement"


class ErpFreightPosting(Contract):
    """Freight of a shipment of an order: debits, or credits when negative, of three accounts. They sum to zero."""

    key: RowKey
    event: FreightEvent
    order: str
    shipment: str
    currency: Currency
    freight_expense: Exact = Decimal(0)
    freight_accrued: Exact = Decimal(0)
    freight_payable: Exact = Decimal(0)
    posted_at: Moment


class ErpFreightBatch(Contract):
    """POST {erp}/v1/freight-postings: all or none is taken. Each row's key makes it count once."""

    rows: Annotated[tuple[ErpFreightPosting, ...], Field(min_length=1, max_length=MAX_BATCH)]


class ErpFeedRun(Contract):
    """The feed of one ERP. `cycles` counts the activity runs since the workflow began."""

    erp: str
    cycles: int = 0

    @property
    def workflow_id(self) -> str:
        """`stock/<erp>`."""
        return f"stock/{self.erp}"


class ErpFeedReport(Contract):
    """The result of one run of the feed's activity: rows sent, calls made, rows that the ERP refused."""

    rows: int = 0
    calls: int = 0
    refused: int = 0
