"""The tables of exceptions and of what people decide: cases, notices, policies, proposals, returns. See `store.tables.orders`."""

from datetime import date, datetime
from typing import Any, ClassVar

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel

from store.tables.columns import NOW, document, moment, texts, whole, word


class ExceptionCaseRow(SQLModel, table=True):
    """An exception case as it stands. Written by the case's workflow alone; its `version` counts from each reopening."""

    __tablename__: ClassVar[str] = "exception_case"
    __table_args__ = (
        Index("case_order", "order_key"),
        Index("case_open", "opened_at", postgresql_where=text("closed_at IS NULL")),
    )
    id: str = Field(primary_key=True)
    order_key: str
    """An order's, a purchase order's, or what else the case is about, as `stock/<system>/<place>`."""
    kind: str
    version: int
    state: str
    tier: int
    queue: str
    assignee: str
    summary: str
    findings: list[dict[str, Any]] = document()
    actions: list[str] = texts()
    policy_version: int
    reopened: int
    opened_at: datetime = moment(nullable=False)
    acknowledged_at: datetime | None = moment()
    closed_at: datetime | None = moment()
    next_at: datetime | None = moment()
    history: list[dict[str, Any]] = document()
    updated_at: datetime = moment(**NOW)


class NoticeOutbox(SQLModel, table=True):
    """A message to people, owed since the step that asked for it: planned → sent | failed, once under its key."""

    __tablename__: ClassVar[str] = "notice"
    __table_args__ = (
        Index("notice_due", "due_at", postgresql_where=text("state = 'planned'")),
        Index("notice_failed", "asked_at", postgresql_where=text("state = 'failed'")),
    )
    key: str = Field(primary_key=True)
    channel: str
    recipient: str
    template: str
    facts: dict[str, str] = document()
    order_key: str = Field(index=True)
    case_id: str
    kind: str
    tier: int
    asked_at: datetime = moment(nullable=False)
    due_at: datetime = moment(**NOW)
    attempts: int = whole()
    error: str | None = None
    sent_at: datetime | None = moment()
    state: str = word("planned")


class PolicyVersion(SQLModel, table=True):
    """A version of a policy rule. The newest one of an id is in force; old ones are kept."""

    __tablename__: ClassVar[str] = "policy"
    id: str = Field(primary_key=True)
    version: int = Field(primary_key=True)
    about: str
    scope: dict[str, Any] = document()
    body: dict[str, Any] = document()
    active_from: datetime = moment(**NOW)


class ReplanProposal(SQLModel, table=True):
    """A re-plan that a planner is asked about: open → accepted | rejected | overridden | withdrawn, by whom and why."""

    __tablename__: ClassVar[str] = "replan_proposal"
    __table_args__ = (Index("proposal_open", "region", postgresql_where=text("state = 'open'")),)
    id: str = Field(primary_key=True)
    order_key: str = Field(foreign_key="order_view.key", index=True)
    kind: str
    subject: str
    region: str
    promised_on: date
    proposed_on: date
    lines: list[dict[str, Any]] = document()
    summary: str
    state: str = word("open")
    raised_at: datetime = moment(nullable=False)
    decided_by: str | None = None
    decided_at: datetime | None = moment()
    decision_reason: str | None = None


class ReturnOrder(SQLModel, table=True):
    """A return of packs of an order, under its authorisation. Lines are lists of line and quantity."""

    __tablename__: ClassVar[str] = "return_order"
    order_key: str = Field(primary_key=True, foreign_key="order_view.key")
    rma: str = Field(primary_key=True)
    state: str
    reason: str
    sender: bool
    by: str
    expected: list[dict[str, Any]] = document()
    received: list[dict[str, Any]] = document()
    restocked: list[dict[str, Any]] = document()
    scrapped: list[dict[str, Any]] = document()
    overdue: bool
    version: int
    created_at: datetime = moment(**NOW)
    updated_at: datetime = moment(**NOW)
    closed_at: datetime | None = moment()
