"""The tables of order promising: expected supply, reservations, first promises. See `store.tables.orders`, `store.inventory.promising`."""

from datetime import date, datetime
from typing import Any, ClassVar

from sqlalchemy import BigInteger, CheckConstraint, Index
from sqlmodel import Field, SQLModel

from store.tables.columns import NOW, big_id, document, moment, texts, whole, word


class SupplyRow(SQLModel, table=True):
    """Open supply of a site; see `schemas.inventory.supply.Supply`."""

    __tablename__: ClassVar[str] = "supply"
    __table_args__ = (
        CheckConstraint("packs >= 0", name="supply_not_negative"),
        Index("supply_item", "item", "site", "day"),
    )
    key: str = Field(primary_key=True)
    item: str
    site: str
    kind: str
    ref: str
    packs: int = Field(sa_type=BigInteger)
    day: date
    shipment: str = word()
    updated_at: datetime = moment(**NOW)


class StockItemRow(SQLModel, table=True):
    """An item of which stock is kept at a site. The row is also the lock under which its packs are promised."""

    __tablename__: ClassVar[str] = "stock_item"
    item: str = Field(primary_key=True)
    site: str = Field(primary_key=True)


class PegRow(SQLModel, table=True):
    """A reservation: packs of a line from stock (`supply_key` empty), a named supply, or replenishment; see
    `schemas.inventory.promising.Peg`."""

    __tablename__: ClassVar[str] = "peg"
    __table_args__ = (
        CheckConstraint("packs > 0", name="peg_holds_something"),
        Index("peg_source", "item", "site", "supply_key", postgresql_include=["packs"]),
    )
    order_key: str = Field(primary_key=True, foreign_key="order_view.key")
    line: int = Field(primary_key=True)
    site: str = Field(primary_key=True)
    supply_key: str = Field(primary_key=True)
    item: str
    packs: int = Field(sa_type=BigInteger)
    due: date
    day: date
    wanted_on: date
    late: bool
    priority: int


class OrderPromiseRow(SQLModel, table=True):
    """The first promise of an order as it was given, its terms, and the days sent since. `said`: the words that
    promising has given with it. `version` is the newest step that the reservations have followed; `told_in` the message
    of the last re-date."""

    __tablename__: ClassVar[str] = "order_promise"
    order_key: str = Field(primary_key=True, foreign_key="order_view.key")
    given: dict[str, Any] = document()
    terms: dict[str, Any] = document()
    told: dict[str, Any] = document()
    said: list[str] = texts()
    told_in: int | None = Field(default=None, sa_type=BigInteger)
    version: int = whole()
    made_at: datetime = moment(**NOW)


class ReallocationTurn(SQLModel, table=True):
    """An item whose stock or supply has changed: its reservations are to be looked at. A queue, by `id`."""

    __tablename__: ClassVar[str] = "repromise"
    __table_args__ = (Index("repromise_item", "item"),)
    id: int = big_id()
    item: str
