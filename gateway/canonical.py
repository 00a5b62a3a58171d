"""The shapes of an event on its way: from the partner's envelope to the event log, to the order's signal."""

from gateway.correlate import Placement, lines_of
from schemas.base import Role
from schemas.envelope import Envelope
from schemas.milestones import Milestone, MilestoneEvent
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
    return MilestoneEvent(
        id=event.unique_id,
        kind=milestone.kind,
        shipment=event.shipment,
        occurred_at=milestone.occurred_at,
        received_at=event.received_at,
        partner=event.partner,
        role=roles[event.partner],
        inbox_id=event.inbox_id,
        lines=placement.orders[key],
        eta=milestone.eta,
        reason=milestone.reason,
        traceparent=traceparent,
    )


def again(event: events.Unsettled, role: Role) -> MilestoneEvent:
    """An event from the log, to be handed over once more."""
    milestone = Milestone.model_validate(event.body)
    number = event.order_key.split("/", 1)[1]
    return MilestoneEvent(
        id=event.event_id,
        kind=milestone.kind,
        shipment=milestone.shipment or "",
        occurred_at=milestone.occurred_at,
        received_at=event.received_at,
        partner=event.partner,
        role=role,
        inbox_id=event.inbox_id,
        lines=lines_of(milestone, number),
        eta=milestone.eta,
        reason=milestone.reason,
        traceparent=event.traceparent,
    )
