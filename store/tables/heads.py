"""The tables of workflows' heads and of verdicts that wait for confirmation. See `store.tables.orders` and `store.messaging.heads`."""

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import BigInteger, Index, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from store.tables.columns import NOW, moment, whole, word


class HeadRow(SQLModel, table=True):
    """The newest step of a workflow. It is provisional while `confirmed` is below `version`.

    `run` and `task`: where it was decided. `highest`: the highest version ever written, also by superseded attempts. `snapshot`: what a new run begins with, as of `snapshot_version`. `ended`: no
    run goes on. `looks`: how often the history was looked at for this step, and `looked_at` the last time.
    """

    __tablename__: ClassVar[str] = "head"
    __table_args__ = (
        Index("head_provisional", "written_at", postgresql_where=text("confirmed < version")),
        Index("head_open", "workflow_id", postgresql_where=text("NOT ended")),
        Index("head_subject", "subject"),
    )
    workflow_id: str = Field(primary_key=True)
    subject: str
    run: int = whole()
    run_id: str = word()
    task: int = whole()
    version: int = whole()
    highest: int = whole()
    confirmed: int = whole()
    snapshot: str | None = Field(default=None, sa_type=Text)
    snapshot_version: int = whole()
    ended: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})
    written_at: datetime = moment(**NOW)
    looks: int = whole()
    looked_at: datetime | None = moment()


class OutcomeRow(SQLModel, table=True):
    """The verdict of a provisional step on a message; it settles the message when the step is confirmed."""

    __tablename__: ClassVar[str] = "outcome"
    __table_args__ = (Index("outcome_message", "inbox_id"),)
    workflow_id: str = Field(primary_key=True)
    event_id: str = Field(primary_key=True)
    inbox_id: int = Field(primary_key=True, sa_type=BigInteger)
    subject: str
    version: int
    verdict: str
    reason: str | None = None
    answer: dict[str, Any] | None = Field(default=None, sa_type=JSONB)
