"""The lifecycle, exhaustively: every order and every duplication of a lifecycle's events."""

from collections.abc import Iterable
from datetime import timedelta
from functools import reduce
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain import lifecycle
from domain.lifecycle import Decision
from domain.state import OrderState
from schemas.base import Variant
from schemas.effects import Operation
from schemas.milestones import MilestoneEvent
from schemas.milestones import MilestoneKind as M
from schemas.orders import CancelRequest, OrderStatus
from tests.domain.builders import FIRST, FULL, NOON, REST, event, start

LATE = NOON + timedelta(days=20)
CENTRE = (
    event(M.PICKED, 1, lines=FULL),
    event(M.PACKED, 2, lines=FULL),
    event(M.SHIPPED, 3, lines=FULL),
    event(M.IN_TRANSIT, 4),
    event(M.DELAYED, 5, eta=LATE),
    event(M.OUT_FOR_DELIVERY, 6),
    event(M.DELIVERED, 7),
)
DROP = (
    event(M.SHIPPED, 3, lines=FULL),
    event(M.IN_TRANSIT, 4),
    event(M.DELAYED, 5, eta=LATE),
    event(M.DELAYED, 5.5, eta=LATE + timedelta(days=3), name="later"),
    event(M.DELIVERED, 7),
    event(M.PROOF_OF_DELIVERY, 8),
)
SPLIT = (
    event(M.SHIPPED, 3, lines=FIRST),
    event(M.DELIVERED, 7),
    event(M.SHIPPED, 4, shipment="DN-2", lines=REST),
    event(M.DELIVERED, 9, shipment="DN-2"),
    event(M.IN_TRANSIT, 5),
    event(M.OUT_FOR_DELIVERY, 8, shipment="DN-2"),
)


def run(opened: OrderState, events: Iterable[MilestoneEvent]) -> tuple[OrderState, list[Decision]]:
    decisions: list[Decision] = []

    def step(state: OrderState, one: MilestoneEvent) -> OrderState:
        decision = lifecycle.apply(state, one)
        assert decision.state.rank >= state.rank, "rank never falls"
        assert (decision.superseded is None) or not (decision.effects or decision.deltas)
        decisions.append(decision)
        return decision.state

    return reduce(step, events, opened), decisions


def facts(state: OrderState) -> dict[str, object]:
    """The end state without the counter of changes."""
    return state.model_dump(exclude={"version"})


def milestone_keys(decisions: list[Decision]) -> list[str]:
    return sorted(e.key for d in decisions for e in d.effects if e.operation is Operation.REPORT_MILESTONE)


@pytest.mark.parametrize(
    ("variant", "events"),
    [(Variant.DISTRIBUTION_CENTRE, CENTRE), (Variant.DIRECT_DROP, DROP), (Variant.DIRECT_DROP, SPLIT)],
    ids=["centre", "drop", "split"],
)
def test_every_permutation_ends_the_same(variant: Variant, events: tuple[MilestoneEvent, ...]) -> None:
    opened = lifecycle.open_order(start(variant)).state
    expected, straight = run(opened, events)
    assert expected.delivered
    for order in permutations(events):
        state, decisions = run(opened, order)
        assert facts(state) == facts(expected), [e.id for e in order]
        assert milestone_keys(decisions) == milestone_keys(straight), "one effect per milestone, in any order"


@pytest.mark.parametrize(
    ("variant", "events"),
    [(Variant.DISTRIBUTION_CENTRE, CENTRE), (Variant.DIRECT_DROP, SPLIT)],
    ids=["centre", "split"],
)
def test_every_duplication_at_every_place_changes_nothing(variant: Variant, events: tuple[MilestoneEvent, ...]) -> None:
    opened = lifecycle.open_order(start(variant)).state
    expected, straight = run(opened, events)
    for again in range(len(events)):
        for place in range(again + 1, len(events) + 1):
            order = [*events[:place], events[again], *events[place:]]
            state, decisions = run(opened, order)
            assert facts(state) == facts(expected)
            assert milestone_keys(decisions) == milestone_keys(straight)
            assert decisions[place].superseded, "a repetition is recorded as one"


@given(st.lists(st.sampled_from(CENTRE), min_size=7, max_size=40).filter(lambda x: set(x) >= set(CENTRE)))
@settings(max_examples=300, deadline=None)
def test_any_shuffle_with_any_repetitions(order: list[MilestoneEvent]) -> None:
    opened = lifecycle.open_order(start()).state
    expected, straight = run(opened, CENTRE)
    state, decisions = run(opened, order)
    assert facts(state) == facts(expected)
    assert milestone_keys(decisions) == milestone_keys(straight)


def test_a_straight_run_tells_each_system_once() -> None:
    opened = lifecycle.open_order(start())
    assert [e.operation for e in opened.effects] == [Operation.INSTRUCT_WAREHOUSE, Operation.TENDER_TRANSPORT]
    state, decisions = run(opened.state, CENTRE)
    assert milestone_keys(decisions) == [f"erp-one/SO-1/DN-1/{m}" for m in ("delivered", "packed", "picked", "shipped")]
    assert len([d for decision in decisions for d in decision.deltas]) == len(CENTRE)
    assert state.complete
    assert state.status is OrderStatus.DELIVERED
    assert lifecycle.close(state).state.status is OrderStatus.CLOSED


def test_status_is_that_of_the_slowest_line() -> None:
    opened = lifecycle.open_order(start(Variant.DIRECT_DROP)).state
    state, _ = run(opened, SPLIT[:2])
    assert state.status is OrderStatus.PROMISED, "fifty packs of line 2 have not been shipped"
    state, _ = run(state, SPLIT[2:3])
    assert state.status is OrderStatus.SHIPPED
    assert state.moved(state.start.lines[1], 8) == 10


def test_a_late_eta_redates_the_promise_and_a_newer_one_can_take_it_back() -> None:
    opened = lifecycle.open_order(start(Variant.DIRECT_DROP)).state
    state, _ = run(opened, DROP[:2])
    late = lifecycle.apply(state, DROP[2])
    assert [e.operation for e in late.effects] == [Operation.REDATE_PROMISE]
    assert late.state.promised_on == LATE.date()
    assert "delayed" in late.state.conditions
    better = lifecycle.apply(late.state, event(M.DELAYED, 6, eta=NOON + timedelta(days=2), name="better"))
    assert better.state.promised_on == state.start.promise.promised_on
    assert [e.operation for e in better.effects] == [Operation.REDATE_PROMISE]
    stale = lifecycle.apply(better.state, event(M.DELAYED, 5.9, eta=LATE, name="stale"))
    assert stale.superseded == "an ETA that was said later is known"


def test_cancel_undoes_in_reverse_and_refuses_after_goods_issue() -> None:
    opened = lifecycle.open_order(start()).state
    request = CancelRequest(id="c1", reason="customer withdrew")
    assert lifecycle.cancel_refusal(opened) is None
    done = lifecycle.cancel(opened, request, NOON)
    assert [e.operation for e in done.effects] == [
        Operation.VOID_TENDER,
        Operation.CANCEL_WAREHOUSE,
        Operation.CONFIRM_CANCELLATION,
    ]
    assert done.state.status is OrderStatus.CANCELLED
    after = lifecycle.apply(done.state, CENTRE[2])
    assert after.superseded == "the order was cancelled: customer withdrew"
    shipped, _ = run(opened, CENTRE[:3])
    assert "can only be returned" in (lifecycle.cancel_refusal(shipped) or "")


def test_refusals_are_recorded_not_applied() -> None:
    opened = lifecycle.open_order(start(Variant.DIRECT_DROP)).state
    picked = lifecycle.apply(opened, CENTRE[0])
    assert picked.superseded == "picked is not a milestone of a direct_drop order"
    centre = lifecycle.open_order(start()).state
    stranger = event(M.PICKED, 1, lines=(FULL[0].model_copy(update={"line": 9}),))
    assert lifecycle.apply(centre, stranger).superseded == "line 9 is not on the order"
    too_many = event(M.PICKED, 1, lines=(FULL[0].model_copy(update={"quantity": 41}),))
    assert "more than the 40 ordered" in (lifecycle.apply(centre, too_many).superseded or "")


def test_deadlines_follow_the_promise_and_then_the_missing_reports() -> None:
    opened = lifecycle.open_order(start()).state
    due = opened.deadline()
    assert due is not None
    assert due[0].date() == NOON.replace(day=21).date()
    overdue = lifecycle.pass_deadline(opened).state
    assert overdue.conditions == ("no_scan",)
    delivered, _ = run(opened, [CENTRE[2], CENTRE[6]])
    assert delivered.delivered
    assert not delivered.complete
    assert {kind for _, kind in delivered.missing()} == {M.PICKED, M.PACKED}
    assert lifecycle.pass_deadline(delivered).state.closed
    assert lifecycle.open_order(start(clock="events")).state.deadline() is None
