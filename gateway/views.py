"""Orders and quarantined messages as they are shown: what store.orders and store.inbox read, as contracts."""

from datetime import date, datetime
from typing import Any

from schemas.base import Contract


class LineView(Contract):
    """A line: packs ordered, shipped and delivered, and its promised day."""

    line: int
    item: str
    ordered: int
    shipped: int
    delivered: int
    promised_on: date
    delivered_at: datetime | None = None


class ShipmentView(Contract):
    """A shipment that carries packs of the order, with its furthest milestone."""

    shipment: str
    status: str
    eta: datetime | None = None
    shipped_at: datetime | None = None
    delivered_at: datetime | None = None


class PromiseView(Contract):
    """A promise, first to last."""

    promised_on: date
    reason: str
    made_at: datetime


class TimelineView(Contract):
    """A milestone that was reported, and what became of the report."""

    kind: str
    shipment: str
    partner: str
    occurred_at: datetime
    received_at: datetime
    state: str
    reason: str | None = None
    settled_at: datetime | None = None


class EffectView(Contract):
    """What Syncline did, or owes, to another system."""

    key: str
    system: str
    operation: str
    shipment: str
    milestone: str | None = None
    outcome: str
    attempts: int
    origin: str | None = None
    error: str | None = None
    reference: str | None = None
    trace_id: str | None = None
    accepted_at: datetime
    planned_at: datetime
    done_at: datetime | None = None


class OrderView(Contract):
    """An order as its parties see it. `effects` is shown to the ERP and to support."""

    key: str
    erp: str
    number: str
    variant: str
    status: str
    conditions: tuple[str, ...] = ()
    region: str
    site: str
    carrier: str | None = None
    priority: int
    first_promised_on: date | None = None
    promised_on: date | None = None
    promise_reason: str | None = None
    eta: datetime | None = None
    reason: str | None = None
    released_at: datetime
    created_at: datetime
    updated_at: datetime
    closed_at: datetime | None = None
    lines: tuple[LineView, ...] = ()
    shipments: tuple[ShipmentView, ...] = ()
    promises: tuple[PromiseView, ...] = ()
    effects: tuple[EffectView, ...] | None = None
    timeline: tuple[TimelineView, ...] = ()


def order_view(row: dict[str, Any], details: dict[str, list[dict[str, Any]]], with_effects: bool) -> OrderView:
    """Put together what store.orders.find and store.orders.details read."""
    shown = {name: rows for name, rows in details.items() if name != "effects" or with_effects}
    return OrderView.model_validate({**row, **shown})


class QuarantinedMessage(Contract):
    """A message that could not be placed, and why. Its bytes stay in the inbox."""

    id: int
    partner: str
    channel: str
    kind: str
    external_id: str
    reason: str | None = None
    origin: str | None = None
    waiting_for: str | None = None
    received_at: datetime


class QuarantineList(Contract):
    """The newest quarantined messages first."""

    messages: tuple[QuarantinedMessage, ...]


class Replayed(Contract):
    """How many of the named messages were quarantined and are now on their way again."""

    replayed: int
