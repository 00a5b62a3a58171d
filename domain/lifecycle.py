"""The lifecycle as pure functions: open, apply what partners report, close. Activities carry out what they decide.

`apply` is commutative and idempotent in the state: any order and any repetition of the same events ends in the same
state and the same set of milestone effects, or in a recorded refusal (tests/domain proves it by permutation).
"""

from datetime import datetime, timedelta

from domain import billing, commands, proposals, sourcing, stock, tendering, writing_off
from domain.compensation import bring_back, under_way
from domain.deadlines import REPORTS, TENDER, Alarm
from domain.decision import Cause, Decision, delta, effect, lines_open, moved, redated
from domain.delay import redated as day_of
from domain.findings import UNTYPED
from domain.shipments import UNRANKED, ShipmentState
from domain.state import REFUSED, WHOLE_ORDER, OrderState, sender_rma
from domain.trouble import RefusedEffect, Trouble
from domain.variants import PLANS, RANK, Step, step_for
from schemas.effects import Effect, Operation, PlanningDelta
from schemas.lifecycle import OrderStart
from schemas.milestones import MilestoneEvent, ShippedLine
from schemas.milestones import MilestoneKind as M
from schemas.orders import OrderStatus
from schemas.returns import ReturnOutcome, ReturnStart

TROUBLES = (M.EXCEPTION, M.CLEARED)
OF_THE_TENDER = (M.TENDER_ACCEPTED, M.TENDER_REJECTED)
SETTLES = (M.DELIVERED, M.PROOF_OF_DELIVERY)
"""What ends the wait for goods that were to be brought back."""


def open_order(start: OrderStart) -> Decision:
    """A released order: instruct warehouse and transport, and let planning know of the demand."""
    state = OrderState(start=start, carrier=start.carrier)
    cause = Cause("", start.accepted_at, "", start.traceparent)
    effects = tuple(
        effect(state, operation, cause, key=operation, promised_on=start.promise.promised_on)
        for operation in PLANS[start.variant].instructions
    )
    demanded = moved(state, tuple(ShippedLine(line=x.line, quantity=x.quantity) for x in start.lines))
    deltas = delta(state, OrderStatus.PROMISED, cause, demanded, key=f"-/{OrderStatus.PROMISED}")
    opened = Decision(state=state, effects=effects, deltas=deltas)
    for it in start.sendings:
        why = cause._replace(ref=f"promise/{it.site}", reason=f"promised from {it.site}")
        opened = opened.plus(sourcing.from_site(opened.state, it.site, it.lines, why))
    return opened


def apply(state: OrderState, event: MilestoneEvent) -> Decision:
    """Take in one milestone event."""
    refusal = _refusal(state, event)
    if refusal:
        return Decision(state=state.grown(), superseded=refusal)
    if event.kind in OF_THE_TENDER:
        return tendering.answered(state, event)
    if event.kind is M.SHORT_PICKED:
        return sourcing.short_picked(state, event)
    before = state.shipments.get(event.shipment, ShipmentState())
    after = before.learn(event)
    heard = state.model_copy(update={"shipments": {**state.shipments, event.shipment: after}})
    if event.kind in TROUBLES:
        heard = _troubled(heard, event)
    grown = _promising(heard).grown()
    fresh = event.id not in state.exceptions if event.kind in TROUBLES else event.kind not in before.seen
    if after == before and not (event.kind in TROUBLES and fresh):
        return Decision(state=grown, superseded=_nothing_new(event))
    return _told(state, grown, event, fresh=fresh)


def _told(before: OrderState, state: OrderState, event: MilestoneEvent, *, fresh: bool) -> Decision:
    """Whom an event that changed something is told to."""
    step = step_for(state.start.variant, event.kind) or Step(frozenset())
    cause = Cause(event.id, event.received_at, event.reason or f"{event.kind} by {event.partner}", event.traceparent)
    moves = event.kind is not M.DELAYED or before.promises != state.promises
    decision = Decision(
        state=state,
        effects=(
            *((_milestone_effect(state, event),) if fresh and step.tell_erp else ()),
            *billing.invoice(before, state, cause),
            *redated(state, before, cause, event.shipment),
            *_too_late_to_stop(before, state, cause),
        ),
        deltas=_milestone_delta(state, event) if fresh and step.tell_planning and moves else (),
        returns=_returns(before, state, event),
    )
    if event.kind in SETTLES:
        decision = decision.plus(_settled(state, cause))
    return decision.plus(proposals.replan(decision.state, cause))


def _refusal(state: OrderState, event: MilestoneEvent) -> str | None:
    if state.cancelled is not None:
        return f"the order was cancelled: {state.cancelled}"
    if state.closed:
        return "the order is closed"
    if step_for(state.start.variant, event.kind) is None:
        return f"{event.kind} is not a milestone of a {state.start.variant} order"
    known = {line.line for line in state.demand}
    strange = next((line.line for line in event.lines if line.line not in known), None)
    return f"line {strange} is not on the order" if strange else None


def _troubled(state: OrderState, event: MilestoneEvent) -> OrderState:
    name = f"{event.cause or UNTYPED}/{event.shipment}"
    word = Trouble(
        said_at=event.occurred_at,
        event=event.id,
        open=event.kind is M.EXCEPTION,
        lines=event.lines,
        reason=event.reason or "",
    )
    known = state.exceptions if event.id in state.exceptions else tuple(sorted((*state.exceptions, event.id)))
    newer = word.newer_than(state.troubles.get(name))
    troubles = {**state.troubles, name: word} if newer else state.troubles
    return state.model_copy(update={"troubles": troubles, "exceptions": known})


def _promising(state: OrderState) -> OrderState:
    """Promise each line for the day that its newest ETA allows."""
    slack = timedelta(seconds=state.start.policy.eta_slack_s)
    told = {}
    for line in state.demand:
        first = state.due_by_supply(line.line)
        day = day_of(state.eta_of(line.line), first, state.told.get(line.line, first), slack)
        if day != first:
            told[line.line] = day
    return state.model_copy(update={"told": told})


def _nothing_new(event: MilestoneEvent) -> str:
    if event.kind is M.DELAYED:
        return "an ETA that was said later is known"
    return f"{event.kind} was reported before"


def _key(shipment: str, event: MilestoneEvent) -> str:
    key = f"{shipment or '-'}/{event.kind}"
    return f"{key}/{event.id}" if event.kind in UNRANKED else key


def _carried(state: OrderState, event: MilestoneEvent) -> tuple[ShippedLine, ...]:
    """The packs that a milestone is about."""
    it = state.goods.get(event.shipment) or state.shipments[event.shipment]
    return it.stated.get(event.kind, it.lines)


def _milestone_effect(state: OrderState, event: MilestoneEvent) -> Effect:
    return effect(
        state,
        Operation.REPORT_MILESTONE,
        Cause(event.id, event.received_at, event.reason or "", event.traceparent),
        key=_key(event.shipment, event),
        shipment=event.shipment,
        milestone=event.kind,
        order_status=state.status,
        occurred_at=event.occurred_at,
        lines=_carried(state, event),
        site=_issued_by(state, event),
    )


def _issued_by(state: OrderState, event: MilestoneEvent) -> str:
    """The site that a goods issue is of, when it is another than the order's own."""
    if event.kind is not M.SHIPPED:
        return ""
    site = stock.site_of(state, state.shipments[event.shipment])
    return "" if site == state.start.site else site


def _milestone_delta(state: OrderState, event: MilestoneEvent) -> tuple[PlanningDelta, ...]:
    whole = event.shipment == WHOLE_ORDER
    lines = tuple(ShippedLine(line=x.line, quantity=x.quantity) for x in state.demand if x.quantity)
    return delta(
        state,
        event.kind,
        Cause(event.id, event.received_at, "", event.traceparent),
        moved(state, lines if whole else _carried(state, event)),
        key=_key(event.shipment, event),
        shipment=event.shipment,
        occurred_at=event.occurred_at,
    )


def _too_late_to_stop(before: OrderState, state: OrderState, cause: Cause) -> tuple[Effect, ...]:
    """What has left although the order was being cancelled is intercepted as well."""
    if state.cancelling is None:
        return ()
    known = under_way(before)
    cause = cause._replace(reason=state.cancelling)
    return bring_back(state, tuple(name for name in under_way(state) if name not in known), cause)


def _returns(before: OrderState, state: OrderState, event: MilestoneEvent) -> tuple[ReturnStart, ...]:
    """Goods that come back to the sender are received, inspected and booked by a return of their own for each shipment,
    as soon as it is known what that carries."""
    known = _homebound(before)
    reason = (event.reason if event.kind is M.RETURNING else None) or "the carrier brings it back"
    return tuple(
        ReturnStart(
            order=state.start.key,
            rma=sender_rma(name),
            reason=reason,
            lines=lines,
            items={line.line: line.item for line in state.demand},
            site=state.start.site,
            region=state.start.region,
            sender=True,
            collect=False,
            by=event.partner,
            accepted_at=event.received_at,
            traceparent=event.traceparent,
        )
        for name, lines in _homebound(state).items()
        if name not in known
    )


def _homebound(state: OrderState) -> dict[str, tuple[ShippedLine, ...]]:
    """The packs of each shipment that comes back, of those of which it is known."""
    found = {name: state.goods[name].stated.get(M.RETURNING, state.goods[name].lines) for name in state.coming_back}
    if WHOLE_ORDER in found and not found[WHOLE_ORDER]:
        found[WHOLE_ORDER] = tuple(
            ShippedLine(line=x.line, quantity=state.due(x)) for x in state.demand if state.due(x)
        )
    return {name: lines for name, lines in found.items() if lines}


def pass_deadlines(state: OrderState, passed: tuple[Alarm, ...], now: datetime) -> Decision:
    """Alarms went off. The tender goes to the next carrier; an order that waits for reports only closes without them;
    everything else is a finding until it is cured."""
    decision = Decision(state=state.grown(passed=tuple(sorted({*state.passed, *(alarm.name for alarm in passed)}))))
    for alarm in passed:
        if alarm.awaited == TENDER:
            cause = Cause(alarm.name.replace(" ", "-"), now, "no answer in time")
            decision = decision.plus(tendering.unanswered(decision.state, cause))
        elif alarm.name == REPORTS:
            decision = decision.plus(close(decision.state))
    return decision


def refused(state: OrderState, what: Effect, origin: str, now: datetime) -> OrderState:
    """A system refused an effect by its own rule: people must look, and may have it tried again."""
    known = {**state.refused, what.key: RefusedEffect(effect=what, origin=origin, at=now)}
    return state.grown(refused=known, passed=tuple(name for name in state.passed if name != REFUSED))


def came_back(state: OrderState, outcome: ReturnOutcome, now: datetime) -> Decision:
    """Goods came back. An order that was cancelled under way is cancelled when nothing is left to come."""
    grown = state.grown(returned={**state.returned, outcome.rma: outcome})
    packs = sum(line.quantity for line in outcome.received)
    heard = Decision(state=grown, done=f"{packs} packs of {outcome.rma} came back ({outcome.state})")
    return heard.plus(_settled(grown, Cause(outcome.rma, now, grown.cancelling or "")))


def _settled(state: OrderState, cause: Cause) -> Decision:
    """A cancellation under way ends when nothing is left to come back: the order is cancelled, or, when some of its
    goods were delivered all the same, what is open of it."""
    waits = under_way(state) or state.coming_back
    if state.cancelling is None or state.cancelled is not None or waits:
        return Decision(state=state)
    cause = cause._replace(reason=state.cancelling)
    if not any(state.moved(line, RANK[OrderStatus.DELIVERED]) for line in state.demand):
        return commands.confirmed(state.grown(cancelled=state.cancelling), (), cause)
    left = lines_open(state, RANK[OrderStatus.DELIVERED])
    return writing_off.drop(state, left, cause) if left else Decision(state=state)


def finished(state: OrderState) -> bool:
    """Nothing more can happen to the order. What was signed for differently than it left is waited for: its invoice is
    held until the missing report comes, or somebody writes the difference off."""
    if state.closed or (state.cancelled is not None and state.answered):
        return True
    return state.complete and (state.start.clock == "events" or not billing.mismatches(state))


def close(state: OrderState) -> Decision:
    """Nothing more is expected."""
    return Decision(state=state.grown(closed=True))
