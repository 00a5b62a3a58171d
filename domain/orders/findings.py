"""Findings of an order: its problems now, as a function of its state.

A case opens when a finding appears and closes when it has gone. Nothing has to remember to close anything."""

from collections.abc import Iterable, Iterator

from domain.messaging.refusals import refusal_in_words
from domain.milestones.chronology import oddities
from domain.milestones.delay import Band
from domain.milestones.variants import RANK
from domain.orders.deadlines import overdue
from domain.orders.issues import UNTYPED, IssueKey, in_words
from domain.orders.sourcing import still_short
from domain.orders.state import NO_SHIPMENT, OrderState
from schemas.cases.cases import Finding
from schemas.cases.exceptions import ExceptionKind as X
from schemas.messaging.effects import Effect, Operation
from schemas.orders.milestones import MilestoneKind as M
from schemas.orders.release import OrderStatus
from schemas.plurals import counted, verb, with_verb

COMPENSATING = frozenset({Operation.CANCEL_WAREHOUSE, Operation.VOID_TENDER, Operation.INTERCEPT_SHIPMENT})
ENDED_BY_DELIVERY = frozenset({X.ADDRESS, X.CUSTOMS})
SHIPPED = RANK[OrderStatus.SHIPPED]


def findings(state: OrderState, waiting: Iterable[Effect] = ()) -> tuple[Finding, ...]:
    """Everything that is wrong, sorted. Nothing for an order that replays past business time."""
    if state.start.clock == "events":
        return ()
    found = [*_refusals(state)]
    if state.ending.cancelled is None:
        found += [*_late(state, waiting), *_issues(state), *_quantities(state), *_reports(state), *_times(state)]
    return tuple(sorted(found, key=lambda finding: (finding.kind, finding.subject)))


def _refusals(state: OrderState) -> Iterator[Finding]:
    for key, refused in state.issues.refused_effects.items():
        operation = refused.effect.operation
        kind = X.COMPENSATION if operation in COMPENSATING else X.REFUSED_EFFECT
        summary = refusal_in_words(refused.effect, refused.origin, refused.said)
        yield Finding(kind=kind, subject=key, summary=summary)
    if state.ending.cancelling and state.ending.cancelled is None and _delivered_after_all(state):
        summary = "delivered although the order was cancelled under way: authorise a return"
        yield Finding(kind=X.COMPENSATION, subject="delivered", summary=summary)


def _delivered_after_all(state: OrderState) -> bool:
    return any(it.delivered_at and M.RETURNING not in it.seen for it in state.goods.values())


def _late(state: OrderState, waiting: Iterable[Effect]) -> Iterator[Finding]:
    for alarm in overdue(state, waiting):
        if alarm.opens is X.MISSING_ACK:
            yield Finding(kind=X.MISSING_ACK, subject=alarm.name, summary=f"no {alarm.awaited}")
        elif alarm.opens is X.NO_SCAN:
            yield Finding(
                kind=X.NO_SCAN, subject=alarm.name, summary=f"no {alarm.awaited} by {alarm.due:%d %b %H:%M} UTC"
            )
    if state.band is not Band.NONE and not state.delivered:
        days = (state.promised_on - state.first_promised_on).days
        summary = f"{counted(days, 'day')} late: promised now {state.promised_on}"
        yield Finding(kind=X.DELAY, subject=state.band, summary=summary, measure=days)
    if state.transport.tender.exhausted and state.rank < SHIPPED:
        asked = ", ".join(state.transport.tender.rejected) or "nobody answered"
        yield Finding(kind=X.TENDER_REJECT, subject="tender", summary=f"no carrier took the tender: {asked}")


def _issues(state: OrderState) -> Iterator[Finding]:
    for name, issue in state.issues.reported_issues.items():
        cause, shipment = IssueKey.parse(name)
        kind = X.UNKNOWN_CODE if cause == UNTYPED else X(cause)
        about = state.goods.get(shipment) or state.reports.shipments.get(shipment, NO_SHIPMENT)
        if issue.open and not (kind in ENDED_BY_DELIVERY and (state.delivered or about.delivered_at)):
            where = f"shipment {shipment}" if shipment else "the order"
            what = f"{cause} of {in_words(issue.lines)}" if issue.lines else cause
            summary = f"{what} reported on {where}: {issue.reason}".rstrip(": ")
            packs = sum(line.quantity for line in issue.lines)
            yield Finding(kind=kind, subject=shipment or "order", summary=summary, measure=packs)
    for event, short in state.issues.shortages.items():
        missing = [line for line in still_short(state, short) if line.quantity]
        if missing and not short.covered:
            summary = f"{in_words(missing)} short at {short.site}: {short.reason}"
            packs = sum(line.quantity for line in missing)
            yield Finding(kind=X.PICK_STOCKOUT, subject=event, summary=summary, measure=packs)


def _quantities(state: OrderState) -> Iterator[Finding]:
    tally = state.tally
    for line in (state.by_line[number] for number in sorted(tally.odd)):
        reported = tally.packs(line.line, SHIPPED) - state.demand.lost_quantity.get(line.line, 0)
        if reported > state.wanted(line):
            over = reported - state.wanted(line)
            summary = f"line {line.line}: {counted(over, 'pack')} more than ordered {verb(over, 'has', 'have')} left"
            yield Finding(kind=X.OVER_SHIP, subject=f"line {line.line}", summary=summary, measure=over)
        short = min(tally.left_behind.get(line.line, 0), state.due(line) - state.standing(line, SHIPPED))
        if short > 0:
            summary = f"line {line.line}: {with_verb(short, 'pack', 'was', 'were')} picked and did not leave"
            yield Finding(kind=X.SHORT_SHIP, subject=f"line {line.line}", summary=summary, measure=short)


def _reports(state: OrderState) -> Iterator[Finding]:
    """A delivery or its proof that does not state what left."""
    for it in state.mismatches:
        signed = f"{it.signed:,} {verb(it.signed, 'was', 'were')} signed for"
        summary = f"line {it.line}: {counted(it.left, 'pack')} left, {signed}"
        subject, packs = f"{it.shipment} line {it.line}", abs(it.left - it.signed)
        yield Finding(kind=X.POD_MISMATCH, subject=subject, summary=summary, measure=packs)


def _times(state: OrderState) -> Iterator[Finding]:
    """Reports that cannot both be true: goods that arrived before they left, or left before the order was there."""
    rules = state.start.policy.chronology
    for name in sorted(state.tally.backwards):
        for kind, summary in oddities(state.reports.shipments[name], state.start.released_at, rules):
            where = f"shipment {name}" if name else "the order"
            yield Finding(kind=X.CHRONOLOGY, subject=f"{name or 'order'} {kind}", summary=f"{where}: {summary}")
