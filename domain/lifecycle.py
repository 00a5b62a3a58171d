"""The lifecycle as pure functions: open, apply, cancel, pass a deadline, close. Activities carry out what they decide.

`apply` is commutative and idempotent in the state: any order and any repetition of the same events ends in the same
state and the same set of milestone effects, or in a recorded refusal (tests/domain proves it by permutation).
"""

from datetime import datetime

from domain.compensation import undo
from domain.state import WHOLE_ORDER, EtaReport, OrderState, ShipmentState
from domain.variants import PLANS, RANK, Step, step_for
from schemas.base import Contract
from schemas.effects import Effect, Movement, Operation, PlanningDelta
from schemas.lifecycle import OrderStart
from schemas.milestones import MilestoneEvent, MilestoneKind, ShippedLine
from schemas.orders import CancelRequest, OrderStatus

UNRANKED = (MilestoneKind.DELAYED, MilestoneKind.EXCEPTION)


class Decision(Contract):
    """A new state, and what must be done because of it. `superseded` says why an event changed nothing."""

    state: OrderState
    superseded: str | None = None
    effects: tuple[Effect, ...] = ()
    deltas: tuple[PlanningDelta, ...] = ()


def open_order(start: OrderStart) -> Decision:
    """A released order: instruct warehouse and transport, and let planning know of the demand."""
    state = OrderState(start=start, carrier=start.carrier)
    effects = tuple(
        Effect(
            key=f"{start.key}/{operation}",
            order=start.key,
            operation=operation,
            accepted_at=start.accepted_at,
            promised_on=start.promise.promised_on,
            traceparent=start.traceparent,
        )
        for operation in PLANS[start.variant].instructions
    )
    return Decision(state=state, effects=effects, deltas=(_delta(state, OrderStatus.PROMISED, start.accepted_at),))


def apply(state: OrderState, event: MilestoneEvent) -> Decision:
    """Take in one milestone event."""
    refusal = _refusal(state, event)
    if refusal:
        return Decision(state=state, superseded=refusal)
    step = step_for(state.start.variant, event.kind) or Step(frozenset())
    before = state.shipments.get(event.shipment, ShipmentState())
    after = _learn(before, event)
    exceptions = state.exceptions
    if event.kind is MilestoneKind.EXCEPTION and event.id not in exceptions:
        exceptions = (*exceptions, event.id)
    shipments = {**state.shipments, event.shipment: after}
    grown = state.model_copy(update={"shipments": shipments, "exceptions": exceptions, "version": state.version + 1})
    fresh = event.kind not in before.seen and (
        event.kind is not MilestoneKind.EXCEPTION or exceptions != state.exceptions
    )
    if after == before and exceptions == state.exceptions:
        return Decision(state=grown, superseded=_nothing_new(event))
    return Decision(
        state=grown,
        effects=(_milestone_effect(grown, event) if fresh and step.tell_erp else ())
        + _redate_effect(state, grown, event),
        deltas=(_delta(grown, event.kind, event.received_at, event),) if fresh and step.tell_planning else (),
    )


def _refusal(state: OrderState, event: MilestoneEvent) -> str | None:
    if state.cancelled is not None:
        return f"the order was cancelled: {state.cancelled}"
    if state.closed:
        return "the order is closed"
    if step_for(state.start.variant, event.kind) is None:
        return f"{event.kind} is not a milestone of a {state.start.variant} order"
    ordered = {line.line: line.quantity for line in state.start.lines}
    for line in event.lines:
        if line.line not in ordered:
            return f"line {line.line} is not on the order"
        if line.quantity > ordered[line.line]:
            return f"line {line.line}: {line.quantity} packs are more than the {ordered[line.line]} ordered"
    return None


def _learn(known: ShipmentState, event: MilestoneEvent) -> ShipmentState:
    update: dict[str, object] = {}
    if event.kind not in UNRANKED:
        first = min(event.occurred_at, known.seen.get(event.kind, event.occurred_at))
        update["seen"] = {**known.seen, event.kind: first}
    if event.lines and not known.lines:
        update["lines"] = tuple(ShippedLine(line=x.line, quantity=x.quantity) for x in event.lines)
    if event.eta is not None:
        report = EtaReport(eta=event.eta, said_at=event.occurred_at, event=event.id)
        if report.newer_than(known.eta):
            update["eta"] = report
    return known.model_copy(update=update)


def _nothing_new(event: MilestoneEvent) -> str:
    if event.kind is MilestoneKind.DELAYED:
        return "an ETA that was said later is known"
    return f"{event.kind} was reported before"


def _milestone_effect(state: OrderState, event: MilestoneEvent) -> tuple[Effect, ...]:
    key = _key(state, event.shipment, event.kind)
    return (
        Effect(
            key=f"{key}/{event.id}" if event.kind in UNRANKED else key,
            order=state.start.key,
            operation=Operation.REPORT_MILESTONE,
            shipment=event.shipment,
            milestone=event.kind,
            order_status=state.status,
            occurred_at=event.occurred_at,
            accepted_at=event.received_at,
            lines=state.shipments[event.shipment].lines,
            reason=event.reason or "",
            traceparent=event.traceparent,
        ),
    )


def _redate_effect(before: OrderState, after: OrderState, event: MilestoneEvent) -> tuple[Effect, ...]:
    if after.delivered or before.promises == after.promises:
        return ()
    changed = tuple(new for old, new in zip(before.promises, after.promises, strict=True) if old != new)
    return (
        Effect(
            key=f"{after.start.key}/redate/{event.id}",
            order=after.start.key,
            operation=Operation.REDATE_PROMISE,
            shipment=event.shipment,
            accepted_at=event.received_at,
            promised_on=after.promised_on,
            promises=changed,
            reason=event.reason or f"{event.kind} by {event.partner}",
            traceparent=event.traceparent,
        ),
    )


def _key(state: OrderState, shipment: str, what: str) -> str:
    return f"{state.start.key}/{shipment or '-'}/{what}"


def _delta(state: OrderState, kind: str, accepted_at: datetime, event: MilestoneEvent | None = None) -> PlanningDelta:
    shipment = event.shipment if event else WHOLE_ORDER
    carried = {x.line: x.quantity for x in state.shipments[shipment].lines} if shipment else None
    key = _key(state, shipment, kind)
    return PlanningDelta(
        key=f"{key}/{event.id}" if event and event.kind in UNRANKED else key,
        order=state.start.key,
        shipment=shipment,
        kind=kind,
        region=state.start.region,
        site=state.start.site,
        occurred_at=event.occurred_at if event else accepted_at,
        accepted_at=accepted_at,
        promised_on=state.promised_on,
        movements=tuple(
            Movement(item=line.item, quantity=line.quantity if carried is None else carried[line.line])
            for line in state.start.lines
            if carried is None or line.line in carried
        ),
    )


def cancel_refusal(state: OrderState) -> str | None:
    """Why this order cannot be cancelled any more, and what is possible instead; None when it can."""
    if state.cancelled is not None or state.closed:
        return f"the order is already {state.status}"
    for name, shipment in sorted(state.shipments.items()):
        if shipment.rank >= RANK[OrderStatus.SHIPPED]:
            return f"shipment {name or 'of the whole order'} is {shipment.status}: goods that left can only be returned"
    return None


def cancel(state: OrderState, request: CancelRequest, accepted_at: datetime, traceparent: str = "") -> Decision:
    """Cancel: undo every instruction in reverse, take the demand back from planning, confirm to the ERP last."""
    cancelled = state.model_copy(update={"cancelled": request.reason, "version": state.version + 1})
    operations = (*undo(PLANS[state.start.variant].instructions), Operation.CONFIRM_CANCELLATION)
    effects = tuple(
        Effect(
            key=f"{state.start.key}/{operation}",
            order=state.start.key,
            operation=operation,
            accepted_at=accepted_at,
            reason=request.reason,
            traceparent=traceparent,
        )
        for operation in operations
    )
    return Decision(state=cancelled, effects=effects, deltas=(_delta(cancelled, OrderStatus.CANCELLED, accepted_at),))


def pass_deadline(state: OrderState) -> Decision:
    """The deadline passed: an undelivered order is overdue, a delivered one closes without what is still missing."""
    if state.delivered:
        return close(state)
    return Decision(state=state.model_copy(update={"overdue": True, "version": state.version + 1}))


def close(state: OrderState) -> Decision:
    """Nothing more is expected."""
    return Decision(state=state.model_copy(update={"closed": True, "version": state.version + 1}))
