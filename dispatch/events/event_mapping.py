"""An event on its way: from the partner's envelope to the one form that the event log keeps and the order gets."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from domain.partners.ownership import speaking_role
from schemas.base import Role
from schemas.copying import made_of
from schemas.ids import EventKey, Subject
from schemas.messaging.envelope import Envelope
from schemas.orders.milestones import RETURN_KINDS, Milestone, MilestoneEvent, MilestoneKind, ShippedLine
from schemas.workflow_ids import WorkflowId, workflow_of
from store.messaging import events, inbox, signals


def placed(
    message: inbox.Message, envelope: Envelope[Milestone], orders: Mapping[str, tuple[ShippedLine, ...]], role: Role
) -> events.NewEvent:
    """An event, with its lines for each of its orders, in the units of the books. These lines name no order again."""

    def of(lines: Iterable[ShippedLine]) -> MilestoneEvent:
        return _event(message, envelope, role, tuple(lines))

    said = {key: of(_own(line) for line in lines) for key, lines in orders.items()}
    logged = next(iter(said.values())) if len(said) == 1 else of(_all_lines(envelope.data, orders))
    return events.NewEvent(envelope.source, envelope.id, logged, said)


def again(event: signals.WaitingEvent, roles: Sequence[Role]) -> MilestoneEvent:
    """An event from the log, to be handed over once more; `roles`: those of its sender."""
    number = Subject.parse(event.order_key).marked_number
    lines = [line for line in event.body.get("lines", ()) if line.get("order") in (number, None)]
    came: dict[str, Any] = {
        "id": event.event_id,
        "received_at": event.received_at,
        "partner": event.partner,
        "role": speaking_role(MilestoneKind(event.body["kind"]), roles),
        "inbox_id": event.inbox_id,
        "lines": [{name: value for name, value in line.items() if name != "order"} for line in lines],
        "traceparent": event.traceparent,
    }
    return MilestoneEvent.model_validate(_present({**event.body, **came}))


def addressee(key: str, event: MilestoneEvent) -> str:
    """The id of the workflow that an event is for: a purchase order's, a return's, or the order's."""
    if event.rma and event.kind in RETURN_KINDS and not Subject.parse(key).is_purchase:
        return str(WorkflowId.of_return(key, event.rma))
    return workflow_of(key)


def _own(line: ShippedLine) -> ShippedLine:
    return made_of(ShippedLine, line, without={"order"}) if line.order else line


def _all_lines(milestone: Milestone, orders: Mapping[str, tuple[ShippedLine, ...]]) -> list[ShippedLine]:
    """The lines of several orders, each of which says its order where the event did."""
    lines = {id(line): line for of_one in orders.values() for line in of_one}
    return [
        made_of(ShippedLine, line, order=milestone.order) if milestone.order and not line.order else line
        for line in lines.values()
    ]


def _event(
    message: inbox.Message, envelope: Envelope[Milestone], role: Role, lines: tuple[ShippedLine, ...]
) -> MilestoneEvent:
    """Absent fields stay unset: payloads carry only set fields, and histories stay small."""
    milestone, key = envelope.data, EventKey(envelope.source, envelope.id)
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
        "corrects": milestone.corrects and str(key._replace(id=milestone.corrects)),
        "id": str(key),
        "received_at": message.received_at,
        "partner": message.partner,
        "role": role,
        "inbox_id": message.id,
        "traceparent": envelope.traceparent or message.traceparent,
    }
    return MilestoneEvent(kind=milestone.kind, occurred_at=milestone.occurred_at, **_present(said))


def _present(said: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in said.items() if value}
