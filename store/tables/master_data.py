"""The table that keeps what owners said of master data, for a short while. See `store.tables.orders`, `store.partners.master_data`."""

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from store.tables.columns import NOW, moment


class MasterRecordRow(SQLModel, table=True):
    """The answer of the ERP `owner` on a record, and its time. `fetched_at` is empty until it has said something.

    `asked_until`: somebody is asking, and nobody else does until then; `down`: who asked last got no answer, and nobody
    asks until then. `wanted`: somebody waits for the answer.
    """

    __tablename__: ClassVar[str] = "master_record"
    __table_args__ = (
        Index("master_record_wanted", "owner", postgresql_where=text("wanted")),
        Index("master_record_expired", "expires_at"),
        Index("master_site", "id", "owner", postgresql_where=text("kind = 'site'")),
    )
    owner: str = Field(primary_key=True)
    kind: str = Field(primary_key=True)
    id: str = Field(primary_key=True)
    known: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})
    body: dict[str, Any] | None = Field(default=None, sa_type=JSONB)
    fetched_at: datetime | None = moment()
    expires_at: datetime = moment(**NOW)
    asked_until: datetime | None = moment()
    down: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})
    wanted: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})
