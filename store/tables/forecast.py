"""The tables of forecasts, and of bulk rows for ERPs. See `store.tables.orders`, `store.planning.forecast`,
`store.finance.erp_feed`."""

from datetime import date, datetime
from typing import Any, ClassVar

from sqlalchemy import BigInteger, Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from store.tables.columns import NOW, big_id, document, moment


class ForecastVersionRow(SQLModel, table=True):
    """A version of the forecast: who made it, and when."""

    __tablename__: ClassVar[str] = "forecast_version"
    version: str = Field(primary_key=True)
    partner: str
    bucket: str
    made_at: datetime = moment(nullable=False)
    received_at: datetime = moment(**NOW)


class ForecastPeriod(SQLModel, table=True):
    """A version's figure of a period. Older versions stay: accuracy asks for the figure before the period began."""

    __tablename__: ClassVar[str] = "forecast"
    __table_args__ = (Index("forecast_newest", "item", "site", "bucket", "period", "made_at", "version"),)
    version: str = Field(primary_key=True, foreign_key="forecast_version.version")
    item: str = Field(primary_key=True)
    site: str = Field(primary_key=True)
    period: date = Field(primary_key=True)
    bucket: str
    made_at: datetime = moment(nullable=False)
    packs: int = Field(sa_type=BigInteger)


class ErpFeedRow(SQLModel, table=True):
    """A row that an ERP must get, until its feed has sent it; `refused` says why the ERP would not take it."""

    __tablename__: ClassVar[str] = "erp_feed"
    __table_args__ = (
        UniqueConstraint("erp", "kind", "key"),
        Index("erp_feed_unsent", "erp", "kind", "id", postgresql_where=text("sent_at IS NULL AND refused IS NULL")),
        Index("erp_feed_refused", "id", postgresql_where=text("refused IS NOT NULL")),
    )
    id: int = big_id()
    erp: str
    kind: str
    key: str
    body: dict[str, Any] = document()
    created_at: datetime = moment(**NOW)
    sent_at: datetime | None = moment()
    refused: str | None = None
