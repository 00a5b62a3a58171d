"""The tables of reconciliation and the re-plan governor. See `store.tables.orders`."""

from datetime import date, datetime
from typing import Any, ClassVar

from sqlalchemy import BigInteger, Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from store.tables.columns import big_id, document, moment, whole, word


class ReconciliationRunRow(SQLModel, table=True):
    """One comparison with one system, when it was made and what it found."""

    __tablename__: ClassVar[str] = "reconciliation_run"
    __table_args__ = (Index("reconciliation_run_of", "system", "target", "started_at"),)
    id: str = Field(primary_key=True)
    system: str
    target: str
    started_at: datetime = moment(nullable=False)
    finished_at: datetime | None = moment()
    compared: int = whole()
    differences: int = whole()
    explained: int = whole()
    error: str | None = None
    upto: str = word("")
    """The progress of a run of the audit trail; empty: to the end."""


class ReconciliationMarkRow(SQLModel, table=True):
    """The progress of comparing a system's list: see `domain.finance.windows.Mark`."""

    __tablename__: ClassVar[str] = "reconciliation_mark"
    system: str = Field(primary_key=True)
    target: str = Field(primary_key=True)
    about: str = Field(primary_key=True)
    seen_at: datetime = moment(nullable=False)
    listed_at: datetime | None = moment()
    behind: str = word()
    round_began_at: datetime = moment(nullable=False)
    swept_at: datetime | None = moment()


class DifferenceRow(SQLModel, table=True):
    """A difference between us and a system: waiting → open (a case) → closed, or settled by people as it is."""

    __tablename__: ClassVar[str] = "difference"
    __table_args__ = (
        Index(
            "difference_one_open",
            "system",
            "target",
            "subject",
            unique=True,
            postgresql_where=text("closed_at IS NULL"),
        ),
        Index("difference_case", "case_id"),
    )
    id: int = big_id()
    system: str
    target: str
    about: str
    subject: str
    item: str = word()
    place: str = word()
    class_: str = Field(sa_column_kwargs={"name": "class"})
    ours: str
    theirs: str
    explained_by: str = word()
    owner: str
    proposal: str
    state: str
    case_id: str | None = None
    first_seen: datetime = moment(nullable=False)
    last_seen: datetime = moment(nullable=False)
    closed_at: datetime | None = moment()


class StockProposalRow(SQLModel, table=True):
    """A re-plan of an item at a site for a planner: open → accepted | rejected | overridden | expired | withdrawn.
    `told_at`: when planning had the decision."""

    __tablename__: ClassVar[str] = "stock_proposal"
    __table_args__ = (
        Index("stock_proposal_open", "item", "site", unique=True, postgresql_where=text("state = 'open'")),
        Index("stock_proposal_decided", "region", "decided_at"),
        Index(
            "stock_proposal_untold",
            "region",
            "id",
            postgresql_where=text(
                "state IN ('accepted', 'rejected', 'overridden') AND told_at IS NULL AND refused IS NULL"
            ),
        ),
    )
    id: int = big_id()
    region: str
    item: str
    site: str
    packs: int = Field(sa_type=BigInteger)
    day: date
    slipped_days: int
    causes: list[dict[str, Any]] = document()
    summary: str
    state: str = word("open")
    raised_at: datetime = moment(nullable=False)
    expires_at: datetime = moment(nullable=False)
    decided_by: str | None = None
    decided_at: datetime | None = moment()
    decision_reason: str | None = None
    override_day: date | None = None
    item_class: str = word("*")
    override_packs: int | None = Field(default=None, sa_type=BigInteger)
    told_at: datetime | None = moment()
    refused: str | None = None


class SeenProjectionRow(SQLModel, table=True):
    """The plan's figure of a source of an item at a site: the base of a change."""

    __tablename__: ClassVar[str] = "seen_projection"
    __table_args__ = (UniqueConstraint("item", "site", "source"),)
    id: int = big_id()
    item: str
    site: str
    source: str
    packs: int = Field(sa_type=BigInteger)
    day: date
    changed_at: datetime | None = moment()
