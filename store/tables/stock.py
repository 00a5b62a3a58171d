"""The tables of the stock ledger: double-entry books of packs. See `store.tables.orders` and `store.inventory.ledger`."""

from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar

from sqlalchemy import BigInteger, CheckConstraint, Index, Numeric, text
from sqlmodel import Field, SQLModel

from store.tables.columns import NOW, moment, whole, word


def money() -> Any:
    """An amount in the currency of the movement's order; 0 while nobody has said what the goods are worth."""
    return Field(default=0, sa_type=Numeric(20, 4), sa_column_kwargs={"server_default": "0"})


class StockMoveRow(SQLModel, table=True):
    """One movement, booked once by its key. Append-only. `workflow_id` and `version`: the step that booked it, if any."""

    __tablename__: ClassVar[str] = "stock_move"
    __table_args__ = (
        Index("stock_move_ref", "ref", "kind", "occurred_at"),
        Index("stock_move_booked", "booked_at"),
        Index("stock_move_step", "workflow_id", "version", postgresql_where=text("workflow_id <> ''")),
    )
    key: str = Field(primary_key=True)
    kind: str
    source: str
    ref: str
    occurred_at: datetime = moment(nullable=False)
    booked_at: datetime = moment(**NOW)
    workflow_id: str = word()
    version: int = whole()


class StockEntryRow(SQLModel, table=True):
    """One side of a movement, and when that happened. A trigger refuses sides of an item that do not sum to zero, in
    packs or in money; append-only."""

    __tablename__: ClassVar[str] = "stock_entry"
    __table_args__ = (
        CheckConstraint("packs <> 0", name="stock_entry_moves_something"),
        Index("stock_entry_item", "item", "place", "occurred_at"),
    )
    move_key: str = Field(primary_key=True, foreign_key="stock_move.key")
    place: str = Field(primary_key=True)
    item: str = Field(primary_key=True)
    packs: int = Field(sa_type=BigInteger)
    amount: Decimal = money()
    occurred_at: datetime = moment(nullable=False)


class StockCarriedRow(SQLModel, table=True):
    """Sums of movements up to the mark, by receiving system: see `store.finance.carried`."""

    __tablename__: ClassVar[str] = "stock_carried"
    scope: str = Field(primary_key=True)
    item: str = Field(primary_key=True)
    place: str = Field(primary_key=True)
    packs: int = Field(sa_type=BigInteger)


class StockCarriedMarkRow(SQLModel, table=True):
    """The moment up to which movements are carried: one row."""

    __tablename__: ClassVar[str] = "stock_carried_mark"
    __table_args__ = (CheckConstraint("one", name="stock_carried_mark_is_one"),)
    one: bool = Field(default=True, primary_key=True, sa_column_kwargs={"server_default": text("true")})
    upto: datetime = moment(nullable=False)


class StockBalanceRow(SQLModel, table=True):
    """Packs of an item at a place: the sum of its entries, kept by the trigger that takes them in. A shipment that
    carries nothing any more has none."""

    __tablename__: ClassVar[str] = "stock_balance"
    __table_args__ = (
        Index("stock_balance_place", "place"),
        Index("stock_balance_negative", "item", "place", postgresql_where=text("packs < 0")),
    )
    item: str = Field(primary_key=True)
    place: str = Field(primary_key=True)
    packs: int = Field(sa_type=BigInteger)
    amount: Decimal = money()
    updated_at: datetime = moment(**NOW)


class UnitValueRow(SQLModel, table=True):
    """The value of an item in the movements of `ref`, an order or purchase order: `packs` of it are worth `value`. Set
    once, so that what goes into a place comes out of it at the same value."""

    __tablename__: ClassVar[str] = "unit_value"
    ref: str = Field(primary_key=True)
    item: str = Field(primary_key=True)
    value: Decimal = Field(sa_type=Numeric(20, 4))
    packs: int = Field(default=1, sa_type=BigInteger, sa_column_kwargs={"server_default": "1"})
    currency: str
