"""The shapes of an event on its way: from the partner's envelope to the event log, to the order's signal."""

from collections.abc import Sequence
from typing import Any

from dispatch.events.correlation import lines_of
from domain.partners.ownership import speaking_role
from schemas.base import Role
from schemas.ids import EventKey, Subject
from schemas.messaging.envelope import Envelope
from schemas.orders.milestones import RETURN_KINDS, Milestone, MilestoneEvent, ShippedLine
from schemas.workflow_ids import WorkflowId, workflow_of
from store.messaging import events, inbox, signals


def logged(
    message: inbox.Message, envelope: Envelope[Any], milestone: Milestone, keys: tuple[str, ...]
) -> events.NewEvent:
    """The event as the log keeps it: in the units of our books."""
    return events.NewEvent(
        source=envelope.source,
        event_id=envelope.id,
        kind=milestone.kind,
        shipment=milestone.shipment or "",
        partner=message.partner,
        inbox_id=message.id,
        occurred_at=milestone.occurred_at,
        received_at=message.received_at,
        body=milestone.model_dump(mode="json", exclude_none=True),
        orders=keys,
    )


def for_order(
    event: events.NewEvent,
    milestone: Milestone,
    lines: tuple[ShippedLine, ...],
    role: Role,
    traceparent: str,
) -> MilestoneEvent:
    """The event as one of its orders gets it, with that order's lines."""
    return _event(
        milestone,
        lines,
        id=event.unique_id,
        received_at=event.received_at,
        partner=event.partner,
        role=role,
        inbox_id=event.inbox_id,
        traceparent=traceparent,
    )


def again(event: signals.WaitingEvent, roles: Sequence[Role]) -> MilestoneEvent:
    """An event from the log, to be handed over once more; `roles`: those of its sender."""
    milestone = Milestone.model_validate(event.body)
    role = speaking_role(milestone.kind, roles)
    return _event(
        milestone,
        lines_of(milestone, Subject.parse(event.order_key).marked_number),
        id=event.event_id,
        received_at=event.received_at,
        partner=event.partner,
        role=role,
        inbox_id=event.inbox_id,
        traceparent=event.traceparent,
    )


def addressee(key: str, event: MilestoneEvent) -> str:
    """The id of the workflow that an event is for: a purchase order's, a return's, or the order's."""
    if event.rma and event.kind in RETURN_KINDS and not Subject.parse(key).is_purchase:
        return str(WorkflowId.of_return(key, event.rma))
    return workflow_of(key)


def _event(milestone: Milestone, lines: tuple[ShippedLine, ...], **received: Any) -> MilestoneEvent:
    """What is absent stays unset: payloads carry only what was set, and histories stay small."""
    said = {
        "shipment": milestone.shipment,
        "lines": lines,
        "eta": milestone.eta,
        "reason": milestone.reason,
        "location": milestone.location,
        "handling_units": milestone.handling_units,
        "cause": milestone.cause,
        "carrier": milestone.carrier,
        "merges": milestone.merges,
        "rma": milestone.rma,
        "disposition": milestone.disposition,
        "sequence": milestone.sequence,
        "corrects": milestone.corrects and str(EventKey.parse(received["id"])._replace(id=milestone.corrects)),
    }
    present = {name: value for name, value in {**said, **received}.items() if value}
    return MilestoneEvent(kind=milestone.kind, occurred_at=milestone.occurred_at, **present)
