"""When something should have been heard: every wait of an order as an alarm, so that one timer can serve them all.

An alarm that has passed stays passed: an edit of the order does not start its clock again. What it waited for, when it
comes at last, cures it.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

from domain.days import earlier, end_of, later
from domain.milestones.variants import PLANS, RANK
from domain.orders.state import REFUSED, OrderState
from schemas.base import Moment
from schemas.cases.exceptions import ExceptionKind
from schemas.days import EVERY_DAY, Days
from schemas.messaging.effects import Effect
from schemas.orders.milestones import MilestoneKind
from schemas.orders.release import OrderStatus

REPORTS = "missing reports"
TENDER = "tender answer"
ACKNOWLEDGEMENT = "acknowledgement"


class Alarm(NamedTuple):
    """Something that should have been heard by `due`. `name` identifies it for ever; `awaited` is for people.

    `opens`: the case that it opens when nothing is heard; None: something else is done then.
    """

    name: str
    due: Moment
    awaited: str
    opens: ExceptionKind | None = ExceptionKind.NO_SCAN


def alarms(state: OrderState, waiting: Iterable[Effect] = ()) -> Iterator[Alarm]:
    """Everything that the order waits for. `waiting`: effects that a system has not acknowledged at the first attempt.

    Nothing for an order that replays past business time, or has ended.
    """
    if state.start.clock == "events" or state.ending.closed:
        return
    times = state.start.policy.times
    for effect in waiting:
        due = effect.accepted_at + timedelta(seconds=times.acknowledgement_s)
        awaited = f"{ACKNOWLEDGEMENT} of {effect.operation}"
        yield Alarm(f"{ACKNOWLEDGEMENT}/{effect.key}", due, awaited, ExceptionKind.MISSING_ACK)
    if state.issues.refused_effects:
        last = max(refused.at for refused in state.issues.refused_effects.values())
        yield Alarm(REFUSED, last + timedelta(seconds=times.reports_s), "somebody to look at what was refused")
    if state.ending.cancelled is None:
        yield from _of_the_goods(state)


def _of_the_goods(state: OrderState) -> Iterator[Alarm]:
    times, rank = state.start.policy.times, state.rank
    promised = end_of(state.promised_on, state.start.there)
    if state.delivered:
        if not state.coming_back:
            yield from _of_reports(state)
        return
    yield Alarm("delivery", promised + timedelta(seconds=times.delivery_s), "delivery")
    if state.ending.held or state.ending.cancelling:
        return
    if state.transport.tender.pending_since and rank < RANK[OrderStatus.SHIPPED]:
        due = later(state.transport.tender.pending_since, times.tender_answer_s, _carriage(state))
        yield Alarm(f"{TENDER}/{state.transport.tender.attempt}", due, TENDER, opens=None)
    if rank < RANK[OrderStatus.SHIPPED]:
        at = _by(state, promised, times.pick_up_lead_s, times.pick_up_least_s, _carriage(state))
        yield Alarm("pick-up", at, "pick-up")
    if rank < RANK[OrderStatus.PICKED] and MilestoneKind.PICKED in PLANS[state.start.variant].steps:
        yield Alarm("pick", _by(state, promised, times.pick_lead_s, times.pick_least_s), "pick")


def _of_reports(state: OrderState) -> Iterator[Alarm]:
    times, missing = state.start.policy.times, state.missing()
    last = state.tally.last_seen or state.start.accepted_at
    if any(kind is MilestoneKind.PROOF_OF_DELIVERY for _, kind in missing):
        last += timedelta(seconds=times.proof_s)
        yield Alarm("proof of delivery", last, "proof of delivery")
    if missing or state.mismatches:
        yield Alarm(REPORTS, last + timedelta(seconds=times.reports_s), REPORTS)


def _carriage(state: OrderState) -> Days:
    """The days of the carrier that is asked, or has the order, or is wanted."""
    return state.start.days_of(state.transport.tender.carrier or state.carrier or state.start.carrier)


def _by(state: OrderState, promised: datetime, lead_s: float, least_s: float, carriage: Days = EVERY_DAY) -> datetime:
    """So long before the promised day ends, but no sooner than so long after the release: nothing is heard of a site,
    or of the carrier that comes there, on its days off."""
    here = state.start.here
    at, least = promised - timedelta(seconds=lead_s), later(state.start.accepted_at, least_s, here)
    return max(earlier(earlier(at, 0, here), 0, carriage), later(least, 0, carriage))


def next_alarm(state: OrderState, waiting: Iterable[Effect] = ()) -> Alarm | None:
    """The alarm that is due next; None when nothing is waited for."""
    ahead = (alarm for alarm in alarms(state, waiting) if alarm.name not in state.issues.passed_alarms)
    return min(ahead, key=lambda alarm: (alarm.due, alarm.name), default=None)


def overdue(state: OrderState, waiting: Iterable[Effect] = ()) -> tuple[Alarm, ...]:
    """Alarms that have passed and are still waited for."""
    return tuple(sorted(alarm for alarm in alarms(state, waiting) if alarm.name in state.issues.passed_alarms))


def due_by(state: OrderState, waiting: Iterable[Effect], now: datetime) -> tuple[Alarm, ...]:
    """Alarms that go off now."""
    return tuple(sorted(a for a in alarms(state, waiting) if a.name not in state.issues.passed_alarms and a.due <= now))
