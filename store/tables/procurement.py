"""The tables of procurement: purchase orders, their lines, shipments and invoices; replenishments. See `store.tables.orders`."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any, ClassVar

from sqlalchemy import Index, Numeric
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from store.tables.columns import NOW, document, moment, texts, whole, word


class PurchaseOrderRow(SQLModel, table=True):
    """A purchase order as it stands. Written by its workflow alone, but for its birth in the relay.

    `key` is `<erp>/po:<number>`; `parties` may report on it and see it.
    """

    __tablename__: ClassVar[str] = "purchase_order"
    __table_args__ = (Index("purchase_order_number", "number"), Index("purchase_order_status", "status"))
    key: str = Field(primary_key=True)
    erp: str
    number: str
    supplier: str
    site: str
    region: str
    currency: str
    status: str
    revision: int
    version: int = whole()
    parties: list[str] = texts()
    replenishment: str | None = Field(default=None, index=True)
    ordered_at: datetime = moment(nullable=False)
    created_at: datetime = moment(**NOW)
    updated_at: datetime = moment(**NOW)
    closed_at: datetime | None = moment()
    lines: list[dict[str, Any]] = Field(default=None, sa_type=JSONB, sa_column_kwargs={"server_default": "[]"})
    """Of each line its item and the unit that it is kept in: see `schemas.partners.master_data.KeptLine`."""


class PurchaseLineRow(SQLModel, table=True):
    """A line of a purchase order, in packs at a price for `per` packs, and the day on which the rest is expected."""

    __tablename__: ClassVar[str] = "purchase_line"
    order_key: str = Field(primary_key=True, foreign_key="purchase_order.key")
    line: int = Field(primary_key=True)
    item: str
    ordered: int
    confirmed: int | None = None
    advised: int = whole()
    received: int = whole()
    damaged: int = whole()
    invoiced: int = whole()
    unit_price: Decimal = Field(sa_type=Numeric(15, 4))
    per: int = whole(1)
    due_on: date
    expected_on: date | None = None


class InboundShipmentRow(SQLModel, table=True):
    """A shipment that brings packs of a purchase order: carriers report on it by its number."""

    __tablename__: ClassVar[str] = "inbound_shipment"
    shipment: str = Field(primary_key=True)
    order_key: str = Field(primary_key=True, foreign_key="purchase_order.key", index=True)
    carrier: str = word()
    eta: datetime = moment(nullable=False)
    status: str
    handling_units: list[str] = texts()


class InvoiceRow(SQLModel, table=True):
    """A supplier's invoice, whether it is held or released, and why."""

    __tablename__: ClassVar[str] = "invoice"
    order_key: str = Field(primary_key=True, foreign_key="purchase_order.key")
    number: str = Field(primary_key=True)
    revision: int
    decision: str
    match: str
    currency: str
    amount: Decimal = Field(sa_type=Numeric(24, 4))
    due_on: date
    reasons: list[str] = texts()
    updated_at: datetime = moment(**NOW)


class ReplenishmentRow(SQLModel, table=True):
    """A proposal of planning: the order that came of it, or which hop failed, whose failure it is, and why."""

    __tablename__: ClassVar[str] = "replenishment"
    __table_args__ = (Index("replenishment_state", "state"),)
    id: str = Field(primary_key=True)
    partner: str
    erp: str
    kind: str
    item: str
    site: str
    region: str
    proposal: dict[str, Any] = document()
    digest: str
    state: str
    hop: str
    origin: str | None = None
    reason: str = word()
    number: str = word()
    answered: bool = Field(default=False, sa_column_kwargs={"server_default": "false"})
    trail: list[dict[str, Any]] = document()
    version: int = whole()
    created_at: datetime = moment(**NOW)
    updated_at: datetime = moment(**NOW)
