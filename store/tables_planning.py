"""The tables of the planning feed: movements that wait, and the frozen rows that planning is sent."""

from datetime import date, datetime
from typing import ClassVar

from sqlalchemy import BigInteger, Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from store.columns import NOW, big_id, moment, whole


class PlanningDeltaRow(SQLModel, table=True):
    """An item's part in a movement. `flush` is the one that it was netted into; `sent_at` when planning had that."""

    __tablename__: ClassVar[str] = "planning_delta"
    __table_args__ = (
        UniqueConstraint("key", "item"),
        Index("planning_waiting", "region", "item", postgresql_where=text("flush IS NULL")),
        Index("planning_unsent", "flush", postgresql_where=text("sent_at IS NULL")),
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
    promised_on: date | None
    accepted_at: datetime = moment(nullable=False)
    created_at: datetime = moment(**NOW)
    flush: int | None = Field(default=None, sa_type=BigInteger)
    sent_at: datetime | None = moment()


class PlanningRowRow(SQLModel, table=True):
    """What planning is told of an item, site, day and kind in one flush. It never changes: a repeat is the same."""

    __tablename__: ClassVar[str] = "planning_row"
    __table_args__ = (Index("planning_pending", "region", "flush", "n", postgresql_where=text("state = 'pending'")),)
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
    created_at: datetime = moment(**NOW)
    sent_at: datetime | None = moment()
