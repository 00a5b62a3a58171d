"""The tables of freight: double-entry books of what carrying goods costs. See `store.tables.orders` and `store.finance.freight`."""

from datetime import datetime
from decimal import Decimal
from typing import ClassVar

from sqlalchemy import Index, Numeric, text
from sqlmodel import Field, SQLModel

from store.tables.columns import NOW, moment, whole, word


class FreightMoveRow(SQLModel, table=True):
    """One accrual or invoice of an order (`ref`), booked once by its key. Append-only. `workflow_id` and `version`: the
    step that accrued it, if any."""

    __tablename__: ClassVar[str] = "freight_move"
    __table_args__ = (
        Index("freight_move_ref", "ref"),
        Index("freight_move_booked", "booked_at"),
        Index("freight_move_step", "workflow_id", "version", postgresql_where=text("workflow_id <> ''")),
    )
    key: str = Field(primary_key=True)
    ref: str
    digest: str = word()
    """Of an invoice: the content that distinguishes a repeat from another invoice of the same number."""
    booked_at: datetime = moment(**NOW)
    workflow_id: str = word()
    version: int = whole()


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
