"""The tables of messages, orders and what is owed to other systems, as SQLModel classes: the shape that Alembic migrates
to. Those of exceptions and people are in `store.tables.people`. Statements live beside their subject."""

from datetime import date, datetime
from typing import Any, ClassVar

from sqlalchemy import BigInteger, CheckConstraint, Column, Index, LargeBinary, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from store.tables.columns import NOW, big_id, document, moment, texts, whole, word


class InboxMessage(SQLModel, table=True):
    """A message as it came: raw bytes, committed before the sender is answered.

    `state`: received → routed → applied | superseded; or quarantined with `reason`. `waiting_for` names the order or
    shipment whose appearance brings a quarantined message back.
    """

    __tablename__: ClassVar[str] = "inbox_message"
    __table_args__ = (
        Index("inbox_todo", "id", postgresql_where=text("state = 'received'")),
        Index("inbox_waiting", "waiting_for", postgresql_where=text("waiting_for IS NOT NULL")),
        Index("inbox_command", "external_id", postgresql_where=text("kind NOT IN ('event', 'order.release')")),
        Index("inbox_parked", "external_id", postgresql_where=text("state = 'quarantined'")),
        Index("inbox_open", "state", postgresql_where=text("state IN ('received', 'routed', 'quarantined')")),
        Index("inbox_signalled", "not_before", postgresql_where=text("state = 'routed' AND workflow_id <> ''")),
        Index(
            "inbox_undecided",
            "workflow_id",
            postgresql_where=text("state IN ('received', 'routed') AND workflow_id <> ''"),
        ),
    )
    id: int = big_id()
    partner: str
    channel: str
    kind: str
    external_id: str
    digest: str
    headers: dict[str, str] = document()
    raw: bytes = Field(sa_type=LargeBinary)
    traceparent: str = ""
    state: str = word("received")
    reason: str | None = None
    origin: str | None = None
    waiting_for: str | None = None
    attempts: int = whole()
    received_at: datetime = moment(server_default=text("clock_timestamp()"), nullable=False)
    not_before: datetime = moment(**NOW)
    settled_at: datetime | None = moment()
    answer: dict[str, Any] | None = Field(default=None, sa_type=JSONB)
    """What the caller of a command is told; empty when it was refused."""
    workflow_id: str = word()
    """The workflow that decides on it; empty for events, which may concern several."""


class Event(SQLModel, table=True):
    """A canonical event, unique on source and id."""

    __table_args__ = (UniqueConstraint("source", "event_id"), Index("event_shipment", "shipment"))
    id: int = big_id()
    source: str
    event_id: str
    kind: str
    shipment: str
    partner: str
    inbox_id: int = Field(sa_type=BigInteger, index=True)
    occurred_at: datetime = moment(nullable=False)
    received_at: datetime = moment(nullable=False)
    body: dict[str, Any] = document()


class EventOrder(SQLModel, table=True):
    """The verdict of an event for one order: pending, applied or superseded with a reason.

    A pending row is sent to the workflow again. `taken`: whether Temporal has its newest signal; None while that is
    unknown, as a process may have died between commit and signal.
    """

    __tablename__: ClassVar[str] = "event_order"
    __table_args__ = (
        Index("event_order_pending", "sent_at", postgresql_where=text("state = 'pending'")),
        Index("event_order_event", "event"),
        Index("event_order_not_taken", "order_key", postgresql_where=text("state = 'pending' AND taken IS FALSE")),
    )
    order_key: str = Field(primary_key=True)
    event_id: str = Field(primary_key=True)
    event: int = Field(sa_type=BigInteger)
    state: str = word("pending")
    reason: str | None = None
    sends: int = whole(1)
    sent_at: datetime = moment(**NOW)
    taken: bool | None = None
    settled_at: datetime | None = moment()


class OrderRow(SQLModel, table=True):
    """An order as people and systems read it. Written by the order's workflow alone, but for its birth at the door."""

    __tablename__: ClassVar[str] = "order_view"
    __table_args__ = (
        UniqueConstraint("erp", "number"),
        Index("order_number", "number"),
        Index("order_listed", "number"),  # COLLATE "C", which Alembic does not see
        Index("order_status", "status"),
        Index("order_begun_or_ended", text("coalesce(closed_at, created_at)")),
        Index("order_parties", "parties", postgresql_using="gin"),
        Index("order_requested", text("(release ->> 'requested_on')")),
    )
    key: str = Field(primary_key=True)
    erp: str
    number: str
    variant: str
    status: str
    conditions: list[str] = texts()
    region: str
    site: str
    carrier: str | None = None
    priority: int
    version: int = whole()
    parties: list[str] = texts()
    digest: str
    release: dict[str, Any] = document()
    inbox_id: int = Field(sa_type=BigInteger)
    first_promised_on: date | None = None
    promised_on: date | None = None
    promise_reason: str | None = None
    eta: datetime | None = moment()
    reason: str | None = None
    time_zone: str = word("UTC")
    released_at: datetime = moment(nullable=False)
    created_at: datetime = moment(**NOW)
    updated_at: datetime = moment(**NOW)
    closed_at: datetime | None = moment()
    amended_in: int = whole()
    """The newest step whose amendment has been worked into `release`."""
    converted: list[dict[str, Any]] | None = document()
    """Lines that were released in another unit than their items are kept in, in that one; empty when that is known."""
    apart: dict[str, Any] | None = document()
    """What stands apart from the lines: see `schemas.workflows.records.Apart`; empty when nothing does."""


class OrderLineView(SQLModel, table=True):
    """A line of an order, in packs: ordered, cancelled, at each stage, back from customers and carriers; its promise.

    A stage never holds more than the one before. What came back had left; carriers bring back what was not delivered.
    """

    __tablename__: ClassVar[str] = "order_line_view"
    __table_args__ = (
        CheckConstraint(
            "least(ordered, cancelled, allocated, picked, packed, shipped, delivered, returned) >= 0",
            name="line_not_negative",
        ),
        CheckConstraint(
            "allocated >= picked AND picked >= packed AND packed >= shipped AND shipped >= delivered "
            "AND shipped >= returned",
            name="line_stages",
        ),
        CheckConstraint("ordered >= shipped AND ordered >= cancelled", name="line_ordered"),
        Index("order_line_open", "item", postgresql_where=text("ordered - cancelled > shipped")),
        Index(
            "order_line_unserved", "item", postgresql_where=text("ordered - cancelled > GREATEST(allocated, shipped)")
        ),
    )
    order_key: str = Field(primary_key=True, foreign_key="order_view.key")
    line: int = Field(primary_key=True)
    item: str
    ordered: int
    cancelled: int = whole()
    allocated: int = whole()
    picked: int = whole()
    packed: int = whole()
    shipped: int = 0
    delivered: int = 0
    returned: int = whole()
    first_promised_on: date
    promised_on: date
    delivered_at: datetime | None = moment()
    delivered_on: date | None = None


class ShipmentRow(SQLModel, table=True):
    """A shipment on one order, with its furthest milestone. A shipment may carry several orders: one row each."""

    __tablename__: ClassVar[str] = "shipment_order"
    __table_args__ = (Index("shipment_order_by_order", "order_key"),)
    shipment: str = Field(primary_key=True)
    order_key: str = Field(primary_key=True, foreign_key="order_view.key")
    status: str
    eta: datetime | None = moment()
    shipped_at: datetime | None = moment()
    delivered_at: datetime | None = moment()
    updated_at: datetime = moment(**NOW)


class EffectRow(SQLModel, table=True):
    """The effects ledger: what we owe or have done to another system, one row for each key."""

    __tablename__: ClassVar[str] = "effect"
    __table_args__ = (
        Index("effect_order", "order_key"),
        Index("effect_open", "system", postgresql_where=text("outcome <> 'done'")),
        Index("effect_done_at", "done_at"),
        Index("effect_listed", "system", "key"),  # COLLATE "C", which Alembic does not see
    )
    key: str = Field(primary_key=True)
    order_key: str
    system: str
    operation: str
    shipment: str
    milestone: str | None = None
    site: str = word()
    change: str | None = None
    order_status: str | None = None
    version: int = Field(default=0, sa_column_kwargs={"server_default": text("0")})
    digest: str = word()
    edition: int = Field(default=1, sa_column_kwargs={"server_default": text("1")})
    """How often something else was told under this key, and once more."""
    outcome: str = "planned"
    attempts: int = 0
    origin: str | None = None
    error: str | None = None
    reference: str | None = None
    carrier: str | None = None
    """Who takes the tender, as the transport desk answered."""
    trace_id: str | None = None
    accepted_at: datetime = moment(nullable=False)
    planned_at: datetime = moment(**NOW)
    done_at: datetime | None = moment()


class PromiseRow(SQLModel, table=True):
    """Every promise ever made for an order, first to last."""

    __tablename__: ClassVar[str] = "promise"
    id: int = big_id()
    order_key: str = Field(index=True)
    promised_on: date
    reason: str
    made_at: datetime = moment(**NOW)


class AuditEntry(SQLModel, table=True):
    """Who did what to what. Append-only; chained by `hash`, which is made with the key that `key` names: entries from
    before there was one have none. `store.audit.audit_trail.verify` finds the first that is wrong."""

    __tablename__: ClassVar[str] = "audit_entry"
    id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    at: datetime = moment(nullable=False)
    actor: str
    action: str
    subject: str
    detail: dict[str, Any] = document()
    previous: str
    hash: str
    key: str = Field(default="", sa_column_kwargs={"server_default": text("''")})
