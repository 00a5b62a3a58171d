"""The tables of order promising: what is expected, and what of it and of stock is reserved. See `store.tables`."""

from datetime import date, datetime
from typing import ClassVar

from sqlalchemy import CheckConstraint, Index, text
from sqlmodel import Field, SQLModel

from store.columns import NOW, moment, word


class StockItemRow(SQLModel, table=True):
    """An item at a site whose stock is known. Who promises from it locks this row."""

    __tablename__: ClassVar[str] = "stock_item"
    item: str = Field(primary_key=True)
    site: str = Field(primary_key=True)


class SupplyRow(SQLModel, table=True):
    """Expected supply: see `schemas.supply.Supply`."""

    __tablename__: ClassVar[str] = "supply"
    __table_args__ = (
        CheckConstraint("packs >= 0", name="supply_not_negative"),
        Index("supply_open", "item", "site", "day", postgresql_where=text("packs > 0")),
    )
    key: str = Field(primary_key=True)
    item: str
    site: str
    kind: str
    ref: str
    packs: int
    day: date
    shipment: str = word()
    updated_at: datetime = moment(**NOW)


class PegRow(SQLModel, table=True):
    """Packs of an order line reserved in stock (`supply_key` empty) or of an expected supply."""

    __tablename__: ClassVar[str] = "peg"
    __table_args__ = (
        CheckConstraint("packs > 0", name="peg_reserves_something"),
        Index("peg_item", "item", "site"),
        Index("peg_supply", "supply_key", postgresql_where=text("supply_key <> ''")),
    )
    order_key: str = Field(primary_key=True, foreign_key="order_view.key")
    line: int = Field(primary_key=True)
    supply_key: str = Field(primary_key=True)
    item: str
    site: str
    packs: int
    day: date
