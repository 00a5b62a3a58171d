"""The table of demand signals. See `store.tables.orders`, `store.planning.demand`."""

from datetime import date, datetime
from typing import ClassVar

from sqlalchemy import BigInteger, CheckConstraint, Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from store.tables.columns import NOW, big_id, moment, whole


class DemandSignalRow(SQLModel, table=True):
    """A sender's statement of a day's demand at a customer, in its newest revision. `told_packs` is what planning knows
    of it; it is owed to planning while that differs, unless planning `refused` it."""

    __tablename__: ClassVar[str] = "demand_signal"
    __table_args__ = (
        UniqueConstraint("item", "site", "day", "kind", "customer", "partner", name="demand_signal_once"),
        CheckConstraint("packs >= 0", name="demand_not_negative"),
        Index(
            "demand_signal_untold",
            "site",
            "id",
            postgresql_where=text("packs IS DISTINCT FROM told_packs AND refused IS NULL"),
        ),
    )
    id: int = big_id()
    partner: str
    kind: str
    customer: str
    item: str
    site: str
    day: date
    revision: int
    packs: int = Field(sa_type=BigInteger)
    told_packs: int | None = Field(default=None, sa_type=BigInteger)
    attempts: int = whole()
    refused: str | None = None
    received_at: datetime = moment(**NOW)
    told_at: datetime | None = moment()
