"""Delays: bands, and an ETA that trembles around midnight and shakes nobody."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.days import end_of
from domain.milestones.delay import Band, band, redated
from domain.orders import lifecycle
from domain.orders.decision import Decision
from domain.orders.state import OrderState
from domain.records.record import conditions
from schemas.cases.exceptions import OrderPolicy
from schemas.days import EVERY_DAY
from schemas.messaging.effects import Operation
from schemas.orders.milestones import MilestoneEvent
from schemas.orders.milestones import MilestoneKind as M
from tests.domain.builders import DUE, FIRST, FULL, NOON, REST, after, event, opened, told
from tests.payloads import said
from tests.written import Said

SLACK = timedelta(hours=4)
MIDNIGHT = datetime(2026, 5, 21, tzinfo=UTC)
SHIPPED = event(M.SHIPPED, 3, lines=FULL)


def eta(at: datetime, hours: float, shipment: str = "DN-1") -> MilestoneEvent:
    return event(M.DELAYED, hours, shipment=shipment, eta=at, name=f"eta-{hours}")


def follow(state: OrderState, *etas: datetime) -> list[Decision]:
    decisions = []
    for hour, at in enumerate(etas):
        decisions.append(lifecycle.apply(state, eta(at, 4 + hour)))
        state = decisions[-1].state
    return decisions


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        (-3, Band.NONE),
        (0, Band.NONE),
        (1, Band.MINOR),
        (2, Band.MINOR),
        (3, Band.MAJOR),
        (7, Band.MAJOR),
        (8, Band.SEVERE),
    ],
)
def test_bands(days: int, expected: Band) -> None:
    assert band(DUE + timedelta(days=days), DUE) is expected


def test_an_eta_that_trembles_around_midnight_tells_nobody_anything() -> None:
    trembling = [MIDNIGHT + timedelta(hours=h) for h in (-1, 1, -2, 3, 4, -4, 2)]
    for decision in follow(after(opened(), SHIPPED), *trembling):
        assert not decision.effects
        assert not decision.deltas, "planning hears of a promise that moved only"
        assert not Said(decision).proposals
        assert decision.state.promised_on == DUE
        assert conditions(decision.state) == ()


def test_it_may_tremble_around_a_later_midnight_too() -> None:
    late = MIDNIGHT + timedelta(days=2)
    first, *others = follow(
        after(opened(), SHIPPED), late + timedelta(hours=2), *(late + timedelta(hours=h) for h in (-1, 3, -4, 0))
    )
    assert told(first) == [Operation.REDATE_PROMISE]
    assert first.state.promised_on == late.date()
    for decision in others:
        assert not decision.effects
        assert decision.state.promised_on == late.date()


def test_a_real_move_is_told_to_the_erp_and_to_planning_and_so_is_its_recovery() -> None:
    moved, back = follow(after(opened(), SHIPPED), MIDNIGHT + timedelta(hours=5), MIDNIGHT - timedelta(hours=9))
    assert told(moved) == [Operation.REDATE_PROMISE]
    assert {x.promised_on for x in said(moved.effects[0]).promises} == {MIDNIGHT.date()}
    assert [d.kind for d in moved.deltas] == ["delayed"]
    assert conditions(moved.state) == ("delayed",)
    assert told(back) == [Operation.REDATE_PROMISE]
    assert back.state.promised_on == DUE
    assert conditions(back.state) == ()


def test_only_what_travels_late_is_promised_anew() -> None:
    split = after(opened(), event(M.SHIPPED, 3, lines=FIRST), event(M.SHIPPED, 3, shipment="DN-2", lines=REST))
    late = lifecycle.apply(split, eta(NOON + timedelta(days=20), 5, "DN-2"))
    assert {x.line for x in said(late.effects[0]).promises} == {2}
    assert {x.line: x.promised_on for x in late.state.line_promises}[1] == DUE


def test_an_eta_that_was_said_earlier_changes_nothing() -> None:
    better = after(opened(), SHIPPED, eta(NOON + timedelta(days=5), 8))
    stale = lifecycle.apply(better, eta(NOON + timedelta(days=30), 7))
    assert stale.superseded == "an ETA that was said later is known"
    assert stale.state.promised_on == DUE


def test_an_early_eta_does_not_promise_sooner() -> None:
    assert after(opened(), SHIPPED, eta(NOON + timedelta(days=3), 5)).promised_on == DUE


def test_the_slack_is_a_policy() -> None:
    strict = after(opened(policy=OrderPolicy(eta_slack_s=0)), SHIPPED, eta(MIDNIGHT + timedelta(minutes=1), 5))
    assert strict.promised_on == MIDNIGHT.date()


def test_what_is_delivered_is_not_dated_any_more() -> None:
    delivered = after(opened(), SHIPPED, event(M.DELIVERED, 7))
    assert not lifecycle.apply(delivered, eta(NOON + timedelta(days=30), 8)).effects


hours = st.integers(-400, 400).map(lambda h: MIDNIGHT + timedelta(hours=h))


@given(st.lists(hours, min_size=1, max_size=12))
def test_the_day_told_is_the_etas_within_the_slack_and_never_before_the_first_promise(etas: list[datetime]) -> None:
    day = DUE
    for at in etas:
        before, day = day, redated(at, DUE, day, SLACK)
        assert day >= DUE
        assert day == max(DUE, at.date()) or day == before
        assert at <= end_of(day, EVERY_DAY) + SLACK + timedelta(microseconds=1), "no day is told that is missed by more"
        assert redated(at, DUE, day, SLACK) == day, "the same ETA again moves nothing"


def test_without_an_eta_the_first_promise_holds() -> None:
    assert redated(None, DUE, date(2026, 6, 1), SLACK) == DUE
