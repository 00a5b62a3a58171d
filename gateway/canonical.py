"""The shapes of an event on its way: from the partner's envelope to the event log, to the order's signal."""

from typing import Any

from gateway.correlate import Placement, lines_of
from schemas.base import Role
from schemas.envelope import Envelope
from schemas.milestones import RETURN_KINDS, Milestone, MilestoneEvent, ShippedLine
from schemas.purchasing import inbound_id, is_purchase
from store import events, inbox


def logged(message: inbox.Message, envelope: Envelope[Milestone], keys: tuple[str, ...]) -> events.NewEvent:
    """The event as the log keeps it."""
    return events.NewEvent(
        source=envelope.source,
        event_id=envelope.id,
        kind=envelope.data.kind,
        shipment=envelope.data.shipment or "",
        partner=message.partner,
        inbox_id=message.id,
        occurred_at=envelope.data.occurred_at,
        received_at=message.received_at,
        body=envelope.data.model_dump(mode="json", exclude_none=True),
        orders=keys,
    )


def for_order(
    event: events.NewEvent,
    milestone: Milestone,
    key: str,
    placement: Placement,
    roles: dict[str, Role],
    traceparent: str,
) -> MilestoneEvent:
    """The event as one of its orders gets it, with that order's lines."""
    return _event(
        milestone,
        placement.orders[key],
        id=event.unique_id,
        received_at=event.received_at,
        partner=event.partner,
        role=roles[event.partner],
        inbox_id=event.inbox_id,
        traceparent=traceparent,
    )


def again(event: events.Unsettled, role: Role) -> MilestoneEvent:
    """An event from the log, to be handed over once more."""
    milestone = Milestone.model_validate(event.body)
    return _event(
        milestone,
        lines_of(milestone, event.order_key.split("/", 1)[1]),
        id=event.event_id,
        received_at=event.received_at,
        partner=event.partner,
        role=role,
        inbox_id=event.inbox_id,
        traceparent=event.traceparent,
    )


def addressee(key: str, event: MilestoneEvent) -> str:
    """The id of the workflow that an event is for: a purchase order's, a return's, or the order's."""
    if is_purchase(key):
        return inbound_id(key)
    return f"return/{key}/{event.rma}" if event.kind in RETURN_KINDS else f"order/{key}"


def _event(milestone: Milestone, lines: tuple[ShippedLine, ...], **received: Any) -> MilestoneEvent:
    """What is absent stays unset: payloads carry only what was set, and histories stay small."""
    said = {
        "shipment": milestone.shipment,
        "lines": lines,
        "eta": milestone.eta,
        "reason": milestone.reason,
        "cause": milestone.cause,
        "carrier": milestone.carrier,
        "merges": milestone.merges,
        "rma": milestone.rma,
        "disposition": milestone.disposition,
    }
    present = {name: value for name, value in {**said, **received}.items() if value}
    return MilestoneEvent(kind=milestone.kind, occurred_at=milestone.occurred_at, **present)
