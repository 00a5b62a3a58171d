"""The lifecycle as pure functions: open, apply what partners report, close. Activities carry out what they decide.

`apply` is commutative and idempotent in the state: any order and any repetition of the same events ends in the same
state and the same set of milestone effects, or in a recorded refusal (tests/domain proves it by permutation).
"""

from datetime import datetime

from domain.milestones.reports import MilestoneReport
from domain.milestones.shipments import ShipmentState, lines_of
from domain.milestones.variants import PLANS, RANK, step_for
from domain.orders import billing, commands, proposals, reporting, sourcing, tendering, writing_off
from domain.orders.compensation import bring_back, under_way
from domain.orders.dating import promised
from domain.orders.deadlines import REPORTS, TENDER, Alarm
from domain.orders.decision import Decision, EffectCause, effect, lines_open, redated
from domain.orders.state import REFUSED, WHOLE_ORDER, OrderState
from domain.orders.targets import joined
from domain.orders.trouble import RefusedEffect, Trouble, TroubleKey, content_of
from schemas.ids import sender_rma
from schemas.messaging.effects import Effect
from schemas.orders.milestones import MilestoneEvent, ShippedLine
from schemas.orders.milestones import MilestoneKind as M
from schemas.orders.release import OrderStatus
from schemas.words import counted
from schemas.workflows.lifecycle import OrderStart
from schemas.workflows.returns import ReturnOutcome, ReturnStart

TROUBLES = (M.EXCEPTION, M.CLEARED)
MAX_SHIPMENTS = 1_000
"""Shipments of one order: more than any has. 500 lines in 300 of them are shown to fit (decision 0039)."""
OF_THE_TENDER = (M.TENDER_ACCEPTED, M.TENDER_REJECTED)
BROUGHT_BACK = "the carrier brings it back"
SETTLES = (M.DELIVERED, M.PROOF_OF_DELIVERY)
"""What ends the wait for goods that were to be brought back."""


def open_order(start: OrderStart) -> Decision:
    """A released order: instruct warehouse and transport. Its record tells planning of the demand."""
    state = OrderState(start=start, carrier=start.carrier).next_version()
    cause = EffectCause("", start.accepted_at, "", start.traceparent)
    effects = tuple(
        effect(state, operation, cause, key=operation, promised_on=start.promise.promised_on)
        for operation in PLANS[start.variant].instructions
    )
    opened = Decision(state=state, effects=effects)
    for it in start.sendings:
        why = cause._replace(ref=f"promise/{it.site}", reason=f"promised from {it.site}")
        opened = opened.plus(sourcing.from_site(opened.state, it.site, it.lines, why))
    return opened.model_copy(update={"effects": joined(opened.effects)})


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
    grown = promised(heard).grown()
    fresh = not _reported(state, event) if event.kind in TROUBLES else event.kind not in before.seen
    if after == before and not (event.kind in TROUBLES and fresh):
        return Decision(state=grown, superseded=_nothing_new(before, event))
    return _told(state, grown, event, fresh=fresh)


def _told(before: OrderState, state: OrderState, event: MilestoneEvent, *, fresh: bool) -> Decision:
    """Whom an event that changed something is told to."""
    cause = EffectCause(
        event.id, event.received_at, event.reason or f"{event.kind} by {event.partner}", event.traceparent
    )
    effects, deltas = reporting.told(before, state, event, fresh=fresh)
    decision = Decision(
        state=state,
        effects=(
            *effects,
            *billing.invoice(before, state, cause),
            *redated(state, before, cause, event.shipment),
            *_too_late_to_stop(before, state, cause),
        ),
        deltas=deltas,
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
    strange = next((line.line for line in event.lines if line.line not in state.by_line), None)
    if strange:
        return f"line {strange} is not on the order"
    if event.shipment not in state.shipments and len(state.shipments) >= MAX_SHIPMENTS:
        return f"an order has at most {MAX_SHIPMENTS} shipments: {event.shipment} is one more"
    return None


def _troubled(state: OrderState, event: MilestoneEvent) -> OrderState:
    name = str(TroubleKey.of(event))
    word = Trouble(
        said_at=event.occurred_at,
        event=event.id,
        open=event.kind is M.EXCEPTION,
        lines=event.lines,
        reason=event.reason or "",
        sequence=event.sequence,
    )
    known = state.exceptions if _reported(state, event) else tuple(sorted((*state.exceptions, content_of(event))))
    newer = word.newer_than(state.troubles.get(name))
    troubles = {**state.troubles, name: word} if newer else state.troubles
    return state.model_copy(update={"troubles": troubles, "exceptions": known})


def _reported(state: OrderState, event: MilestoneEvent) -> bool:
    """Whether it was reported before, under this id or another. Earlier builds kept ids."""
    return content_of(event) in state.exceptions or event.id in state.exceptions


def _nothing_new(before: ShipmentState, event: MilestoneEvent) -> str:
    if event.kind is M.DELAYED:
        return "an ETA that was said later is known"
    counts = before.counting(event.kind)
    if counts is None or counts.packs is None or counts.mark == MilestoneReport.of(event, counts.packs).mark:
        return f"{event.kind} was reported before"
    return f"another report of {event.kind} counts: that of {counts.at:%Y-%m-%d %H:%M:%S} UTC"


def _too_late_to_stop(before: OrderState, state: OrderState, cause: EffectCause) -> tuple[Effect, ...]:
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
    reason = (event.reason if event.kind is M.RETURNING else None) or BROUGHT_BACK
    cause = EffectCause(event.partner, event.received_at, reason, event.traceparent)
    return tuple(_return(state, name, lines, cause) for name, lines in _homebound(state).items() if name not in known)


def homeward(state: OrderState) -> tuple[ReturnStart, ...]:
    """The returns for all that comes back to the sender, for an order that begins again."""
    cause = EffectCause(state.carrier, state.start.accepted_at, BROUGHT_BACK, state.start.traceparent)
    return tuple(_return(state, name, lines, cause) for name, lines in _homebound(state).items())


def _return(state: OrderState, shipment: str, lines: tuple[ShippedLine, ...], cause: EffectCause) -> ReturnStart:
    return ReturnStart(
        order=state.start.key,
        rma=sender_rma(shipment),
        reason=cause.reason,
        lines=lines,
        items={line.line: line.item for line in state.demand},
        site=state.start.site,
        region=state.start.region,
        sender=True,
        collect=False,
        by=cause.ref,
        accepted_at=cause.accepted_at,
        traceparent=cause.traceparent,
    )


def _homebound(state: OrderState) -> dict[str, tuple[ShippedLine, ...]]:
    """The packs of each shipment that comes back, of those of which it is known."""
    goods = state.goods
    found = {name: lines_of(goods[name].stated.get(M.RETURNING, goods[name].lines)) for name in state.coming_back}
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
            cause = EffectCause(alarm.name.replace(" ", "-"), now, "no answer in time")
            decision = decision.plus(tendering.unanswered(decision.state, cause))
        elif alarm.name == REPORTS:
            decision = decision.plus(close(decision.state))
    return decision


def refused(state: OrderState, what: Effect, origin: str, now: datetime, said: str = "") -> OrderState:
    """A system refused an effect by its own rule, or nobody knows whether it was done (`said`: both sides). People must
    look, and may have it tried again."""
    known = {**state.refused, what.key: RefusedEffect(effect=what, origin=origin, at=now, said=said)}
    return state.grown(refused=known, passed=tuple(name for name in state.passed if name != REFUSED))


def came_back(state: OrderState, outcome: ReturnOutcome, now: datetime) -> Decision:
    """Goods came back. An order that was cancelled under way is cancelled when nothing is left to come."""
    grown = state.grown(returned={**state.returned, outcome.rma: outcome})
    packs = sum(line.quantity for line in outcome.received)
    heard = Decision(state=grown, done=f"{counted(packs, 'pack')} of {outcome.rma} came back ({outcome.state})")
    return heard.plus(_settled(grown, EffectCause(outcome.rma, now, grown.cancelling or "")))


def _settled(state: OrderState, cause: EffectCause) -> Decision:
    """A cancellation under way ends when nothing is left to come back: the order is cancelled, or, when some of its
    goods were delivered all the same, what is open of it."""
    if state.cancelling is None or state.cancelled is not None or under_way(state) or state.coming_back:
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
