"""The tables of freight: double-entry books of what carrying goods costs. See `store.tables` and `store.freight`."""

from datetime import datetime
from decimal import Decimal
from typing import ClassVar

from sqlalchemy import Index, Numeric, text
from sqlmodel import Field, SQLModel

from store.columns import NOW, moment, word


class FreightRateRow(SQLModel, table=True):
    """Freight as a share of the value of the goods, by carrier; `*` for any other. An invoice may differ by `tolerance`,
    a share of what was accrued."""

    __tablename__: ClassVar[str] = "freight_rate"
    carrier: str = Field(primary_key=True)
    share: Decimal = Field(sa_type=Numeric(9, 6))
    tolerance: Decimal = Field(sa_type=Numeric(9, 6), sa_column_kwargs={"server_default": text("0.1")})


class FreightMoveRow(SQLModel, table=True):
    """One accrual or invoice of an order (`ref`), booked once by its key. Append-only."""

    __tablename__: ClassVar[str] = "freight_move"
    __table_args__ = (Index("freight_move_ref", "ref"),)
    key: str = Field(primary_key=True)
    ref: str
    digest: str = word()
    """Of an invoice: what tells a repeat from another invoice of the same number."""
    booked_at: datetime = moment(**NOW)


class FreightEntryRow(SQLModel, table=True):
    """One side of a movement: a debit, or a credit when negative. A trigger refuses sides that do not sum to zero;
    append-only."""

    __tablename__: ClassVar[str] = "freight_entry"
    __table_args__ = (Index("freight_entry_shipment", "shipment"),)
    move_key: str = Field(primary_key=True, foreign_key="freight_move.key")
    account: str = Field(primary_key=True)
    shipment: str = Field(primary_key=True)
    currency: str = Field(primary_key=True)
    amount: Decimal = Field(sa_type=Numeric(20, 4))
