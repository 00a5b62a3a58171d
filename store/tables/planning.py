"""The tables of the planning feed: movements that wait, the frozen rows that planning is sent, and open demand."""

from datetime import date, datetime
from typing import ClassVar

from sqlalchemy import BigInteger, CheckConstraint, Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from store.tables.columns import NOW, big_id, moment, whole, word


class PlanningDeltaRow(SQLModel, table=True):
    """An item's part in a movement. `kind`: a milestone, or `stock:<bucket>`.

    `shipment` carries what is in transit. `flush` is the one that it was netted into; `sent_at` when planning had that,
    or nothing was left to send. `region` is empty until it is known which one the site is in.
    """

    __tablename__: ClassVar[str] = "planning_delta"
    __table_args__ = (
        UniqueConstraint("key", "item"),
        Index("planning_waiting", "region", "item", postgresql_where=text("flush IS NULL")),
        Index("planning_unsent", "flush", postgresql_where=text("sent_at IS NULL")),
        Index("planning_transit", "order_key", "shipment", "item", postgresql_where=text("shipment <> ''")),
    )
    id: int = big_id()
    key: str
    region: str
    order_key: str
    item: str
    site: str
    day: date
    kind: str
    packs: int = Field(sa_type=BigInteger)
    shipment: str = word()
    promised_on: date | None
    accepted_at: datetime = moment(nullable=False)
    created_at: datetime = moment(**NOW)
    flush: int | None = Field(default=None, sa_type=BigInteger)
    sent_at: datetime | None = moment()


class PlanningRowRow(SQLModel, table=True):
    """The figures for planning of an item, site, day and kind in one flush. It never changes: a repeat is the same.

    `state`: pending → sent, or quarantined with `origin` and `error` → pending again, or dropped.
    """

    __tablename__: ClassVar[str] = "planning_row"
    __table_args__ = (
        Index("planning_pending", "region", "flush", "n", postgresql_where=text("state = 'pending'")),
        Index("planning_parked", "region", "item", "site", postgresql_where=text("state = 'parked'")),
        Index("planning_of_flush", "flush", "item"),
    )
    key: str = Field(primary_key=True)
    region: str
    flush: int = Field(sa_type=BigInteger)
    n: int
    item: str
    site: str
    day: date
    kind: str
    packs: int = Field(sa_type=BigInteger)
    state: str = Field(sa_column_kwargs={"server_default": "pending"})
    attempts: int = whole()
    origin: str | None = None
    error: str | None = None
    created_at: datetime = moment(**NOW)
    sent_at: datetime | None = moment()


class OrderDemandRow(SQLModel, table=True):
    """Packs of an item that an order still wants from a site, and the earliest day promised for any of them.

    `revision` rises whenever packs or day change; planning has `told_revision`, which said `told_packs`, unless it
    `refused` the figure by a rule. A row of an order that has ended has 0 packs. A row that was sent is of no use any
    more, and may be deleted.
    """

    __tablename__: ClassVar[str] = "order_demand"
    __table_args__ = (
        CheckConstraint("packs >= 0", name="order_demand_not_negative"),
        Index(
            "order_demand_untold",
            "changed_at",
            postgresql_where=text("told_revision < revision AND refused IS NULL"),
        ),
        Index("order_demand_refused", "item", "site", postgresql_where=text("refused IS NOT NULL")),
        Index("order_demand_item", "item", "site"),
        Index("order_demand_open", "site", "item", postgresql_where=text("packs <> 0")),
    )
    order_key: str = Field(primary_key=True)
    item: str = Field(primary_key=True)
    site: str = Field(primary_key=True)
    packs: int = Field(sa_type=BigInteger)
    day: date
    revision: int = Field(sa_type=BigInteger, sa_column_kwargs={"server_default": "1"})
    told_revision: int = Field(sa_type=BigInteger, sa_column_kwargs={"server_default": "0"})
    told_packs: int = Field(sa_type=BigInteger, sa_column_kwargs={"server_default": "0"})
    attempts: int = whole()
    refused: str | None = None
    changed_at: datetime = moment(**NOW)
    told_at: datetime | None = moment()


class PlanningCallsRow(SQLModel, table=True):
    """The number of a region's calls that planning has answered."""

    __tablename__: ClassVar[str] = "planning_calls"
    region: str = Field(primary_key=True)
    calls: int = Field(sa_type=BigInteger, sa_column_kwargs={"server_default": "0"})


class PlanningSiteRow(SQLModel, table=True):
    """The region whose feed reports the stock of a site: that of the first order there."""

    __tablename__: ClassVar[str] = "planning_site"
    site: str = Field(primary_key=True)
    region: str
