"""The life of an order as pure functions: it opens, a milestone arrives, deadlines pass, systems refuse, it closes.

A milestone goes through `apply` from top to bottom: guards, the shipment, the issue, the promise, then what follows.
What the ERP and planning are told of it is in `domain.orders.reporting`. Activities carry out what is decided here.

`apply` is commutative and idempotent in the state (tests/domain proves it by permutation). Any order and any repetition
of the same events ends in the same state and the same milestone effects, or in a recorded refusal.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

from domain.milestones.delay import day_by_eta
from domain.milestones.line_sums import differing
from domain.milestones.reports import MilestoneReport
from domain.milestones.shipments import ShipmentState
from domain.milestones.variants import PLANS, step_for
from domain.orders import cancellation, proposals, reporting, sourcing, tendering
from domain.orders.deadlines import REPORTS, TENDER, Alarm
from domain.orders.decision import Decision, EffectCause, effect, rescheduled
from domain.orders.fulfilment import OrderTransport
from domain.orders.issues import IssueKey, RefusedEffect, ReportedIssue, content_of
from domain.orders.promises import OrderPromises
from domain.orders.state import REFUSED, OrderState
from domain.orders.targets import joined
from schemas.messaging.effects import Effect, Operation
from schemas.messaging.order_effects import InstructWarehouse, TenderTransport
from schemas.orders.milestones import MilestoneEvent
from schemas.orders.milestones import MilestoneKind as M
from schemas.orders.release import LineDue
from schemas.plurals import counted
from schemas.workflows.lifecycle import OrderStart
from schemas.workflows.returns import ReturnOutcome

TENDER_ANSWERS = (M.TENDER_ACCEPTED, M.TENDER_REJECTED)
ISSUES = (M.EXCEPTION, M.CLEARED)
INSTRUCTIONS = {Operation.INSTRUCT_WAREHOUSE: InstructWarehouse, Operation.TENDER_TRANSPORT: TenderTransport}
"""The first effects of an order: instructions of the whole release, with its own address."""
SETTLES = (M.DELIVERED, M.PROOF_OF_DELIVERY)
"""Milestones that end the wait for goods that were to be brought back."""
MAX_SHIPMENTS = 1_000
"""Shipments of one order: more than any has. 500 lines in 300 of them are shown to fit (decision 0039)."""


def open_order(start: OrderStart) -> Decision:
    """A released order: instruct warehouse and transport. Its record tells planning of the demand."""
    state = OrderState(start=start, transport=OrderTransport(carrier=start.carrier)).next_version()
    cause = EffectCause("", start.accepted_at, "", start.traceparent)
    effects = tuple(
        effect(state, INSTRUCTIONS[operation](promised_on=start.promise.promised_on), cause, key=operation)
        for operation in PLANS[start.variant].instructions
    )
    opened = Decision(state=state, effects=effects)
    for it in start.sendings:
        why = cause._replace(ref=f"promise/{it.site}", reason=f"promised from {it.site}")
        opened = opened.plus(sourcing.from_site(opened.state, it.site, it.lines, why))
    return opened.model_copy(update={"effects": joined(opened.effects)})


def apply(state: OrderState, event: MilestoneEvent) -> Decision:
    """A milestone arrives. `Decision.superseded` says why it changes nothing."""
    if refusal := _refusal(state, event):
        return Decision(state=state, superseded=refusal)
    if event.kind in TENDER_ANSWERS:
        return tendering.answered(state, event)
    if event.kind is M.SHORT_PICKED:
        return sourcing.short_picked(state, event)
    known = state.reports.shipments.get(event.shipment, ShipmentState())
    shipment, fresh = known.learn(event), event.kind not in known.seen
    after = state.with_changes(reports={"shipments": {**state.reports.shipments, event.shipment: shipment}})
    if event.kind in ISSUES:
        fresh = not _was_reported(state, event)
        after = _with_issue(after, event, fresh=fresh)
    after = _promised_by_eta(after)
    if shipment == known and not (event.kind in ISSUES and fresh):
        return Decision(state=after, superseded=_nothing_new(known, event))
    return _consequences(state, after, event, fresh=fresh)


def _refusal(state: OrderState, event: MilestoneEvent) -> str | None:
    """Why the order does not take this milestone."""
    if state.ending.cancelled is not None:
        return f"the order was cancelled: {state.ending.cancelled}"
    if state.ending.closed:
        return "the order is closed"
    if step_for(state.start.variant, event.kind) is None:
        return f"{event.kind} is not a milestone of a {state.start.variant} order"
    strange = next((line.line for line in event.lines if line.line not in state.by_line), None)
    if strange:
        return f"line {strange} is not on the order"
    if event.shipment not in state.reports.shipments and len(state.reports.shipments) >= MAX_SHIPMENTS:
        return f"an order has at most {MAX_SHIPMENTS} shipments: {event.shipment} is one more"
    return None


def _was_reported(state: OrderState, event: MilestoneEvent) -> bool:
    """Whether the issue was reported before, under this id or another. Earlier builds kept ids."""
    return content_of(event) in state.issues.report_digests or event.id in state.issues.report_digests


def _with_issue(state: OrderState, event: MilestoneEvent, *, fresh: bool) -> OrderState:
    """The state that knows of an issue, or that it is over: the newest report of it counts."""
    name, issues = str(IssueKey.of(event)), state.issues
    word = ReportedIssue(
        said_at=event.occurred_at,
        event=event.id,
        open=event.kind is M.EXCEPTION,
        lines=event.lines,
        reason=event.reason or "",
        sequence=event.sequence,
    )
    newer = word.newer_than(issues.reported_issues.get(name))
    reported = {**issues.reported_issues, name: word} if newer else issues.reported_issues
    digests = tuple(sorted((*issues.report_digests, content_of(event)))) if fresh else issues.report_digests
    return state.with_changes(issues={"reported_issues": reported, "report_digests": digests})


class _EtaBasis(NamedTuple):
    """The inputs of promises by ETA. As long as only ETAs of lines differ, only those lines are looked at."""

    by_line: dict[int, LineDue]
    promises: OrderPromises
    whole_eta: object
    etas: dict[int, datetime]

    @classmethod
    def of(cls, state: OrderState) -> "_EtaBasis":
        return cls(state.by_line, state.promises, state.tally.whole.eta, state.tally.etas)

    def lines_to_check(self, known: "_EtaBasis | None") -> Iterable[int]:
        if known is None or any(one is not other for one, other in zip(self[:3], known[:3], strict=True)):
            return self.by_line
        return differing(known.etas, self.etas) & self.by_line.keys()


def _promised_by_eta(state: OrderState) -> OrderState:
    """Promise each line for the day that its newest ETA allows."""
    basis = _EtaBasis.of(state)
    lines = basis.lines_to_check(state.__dict__.get("eta_basis"))
    known = by_eta = state.promises.by_eta
    if lines:
        by_eta, slack = dict(known), timedelta(seconds=state.start.policy.eta_slack_s)
        for line in lines:
            first = state.due_by_supply(line)
            day = day_by_eta(state.eta_of(line), first, known.get(line, first), slack, state.start.there)
            if day != first:
                by_eta[line] = day
            else:
                by_eta.pop(line, None)
    if by_eta != known:
        state = state.with_changes(promises={"by_eta": by_eta})
        basis = _EtaBasis.of(state)
    state.__dict__["eta_basis"] = basis  # beside the fields: nothing that is written
    return state


def _nothing_new(before: ShipmentState, event: MilestoneEvent) -> str:
    if event.kind is M.DELAYED:
        return "an ETA that was said later is known"
    counts = before.counting(event.kind)
    if counts is None or counts.packs is None or counts.mark == MilestoneReport.of(event, counts.packs).mark:
        return f"{event.kind} was reported before"
    return f"another report of {event.kind} counts: that of {counts.at:%Y-%m-%d %H:%M:%S} UTC"


def _consequences(before: OrderState, state: OrderState, event: MilestoneEvent, *, fresh: bool) -> Decision:
    """The effects of a milestone that changed something. `fresh`: it is reported for the first time."""
    cause = EffectCause(
        event.id, event.received_at, event.reason or f"{event.kind} by {event.partner}", event.traceparent
    )
    corrected = tuple(reporting.corrections(before, state, event.shipment))
    decision = Decision(
        state=state,
        effects=(
            *reporting.to_erp(before, state, event, corrected, fresh=fresh),
            *reporting.invoice(before, state, cause),
            *rescheduled(state, before, cause, event.shipment),
            *cancellation.too_late_to_stop(before, state, cause),
        ),
        deltas=reporting.to_planning(before, state, event, corrected, fresh=fresh),
        returns=cancellation.returns(before, state, event),
    )
    if event.kind in SETTLES and state.ending.cancelling is not None:
        decision = decision.plus(cancellation.settled(state, cause))
    asked = proposals.replan(decision.state, cause)
    return decision if asked.state is decision.state else decision.plus(asked)


def pass_deadlines(state: OrderState, passed: tuple[Alarm, ...], now: datetime) -> Decision:
    """Alarms went off. The tender goes to the next carrier. An order that waits for reports only closes without them.
    Any other alarm is a finding until it is cured."""
    names = tuple(sorted({*state.issues.passed_alarms, *(alarm.name for alarm in passed)}))
    decision = Decision(state=state.with_changes(issues={"passed_alarms": names}))
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
    refusal = RefusedEffect(effect=what, origin=origin, at=now, said=said)
    known = {**state.issues.refused_effects, what.key: refusal}
    passed = tuple(name for name in state.issues.passed_alarms if name != REFUSED)
    return state.with_changes(issues={"refused_effects": known, "passed_alarms": passed})


def came_back(state: OrderState, outcome: ReturnOutcome, now: datetime) -> Decision:
    """Goods came back. An order that was cancelled under way is cancelled when nothing is left to come."""
    after = state.with_changes(reports={"returns": {**state.reports.returns, outcome.rma: outcome}})
    packs = sum(line.quantity for line in outcome.received)
    decision = Decision(state=after, done=f"{counted(packs, 'pack')} of {outcome.rma} came back ({outcome.state})")
    return decision.plus(cancellation.settled(after, EffectCause(outcome.rma, now, after.ending.cancelling or "")))


def finished(state: OrderState) -> bool:
    """Nothing more can happen to the order. A shipment signed for differently than it left is waited for. Its invoice
    is held until the missing report comes, or somebody writes the difference off."""
    if state.ending.closed or (state.ending.cancelled is not None and state.answered):
        return True
    return state.complete and (state.start.clock == "events" or not state.mismatches)


def close(state: OrderState) -> Decision:
    """Nothing more is expected."""
    return Decision(state=state.with_changes(ending={"closed": True}))
