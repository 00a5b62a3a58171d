"""Which report of a milestone counts: the same one, whatever order they arrive in; and what others are told then."""

from collections import Counter
from collections.abc import Iterable
from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.milestones.reports import MilestoneReport, heard
from domain.orders import goods, lifecycle
from domain.orders.state import OrderState
from schemas.base import Variant
from schemas.inventory.stock import Bucket, place
from schemas.messaging.effects import Effect, Operation
from schemas.orders.milestones import MilestoneEvent, ShippedLine
from schemas.orders.milestones import MilestoneKind as M
from schemas.standard_identifiers import short_id
from tests.domain.builders import FULL, NOON, event, opened


def packs(one: int, two: int = 60) -> tuple[ShippedLine, ...]:
    return (ShippedLine(line=1, quantity=one), ShippedLine(line=2, quantity=two))


TEN, EIGHT = event(M.SHIPPED, 3, lines=packs(10)), event(M.SHIPPED, 4, lines=packs(8), name="eight")
DELIVERED = event(M.DELIVERED, 9)


def correcting(it: MilestoneEvent, one: int, hours: float, name: str) -> MilestoneEvent:
    return event(it.kind, hours, lines=packs(one), name=name, corrects=it.id)


def live(events: Iterable[MilestoneEvent]) -> tuple[OrderState, list[Effect[Any]], Counter[tuple[str, object]]]:
    """The end, what the ERP was told of milestones in this order, and planning's sums by kind and day."""
    state, told, moved = opened(Variant.DIRECT_DROP), list[Effect[Any]](), Counter[tuple[str, object]]()
    for one in events:
        decision = lifecycle.apply(state.next_version(), one)
        told += [it for it in decision.effects if it.operation is Operation.REPORT_MILESTONE]
        for delta in decision.deltas:
            for it in delta.movements:
                moved[f"{delta.kind} {it.item}", delta.occurred_at.date()] += it.quantity
        state = decision.state
    assert len({it.key for it in told}) == len(told)
    return state, told, +moved


def test_a_corrected_goods_issue_is_told_to_everybody_whatever_order_it_comes_in() -> None:
    for order in permutations((TEN, EIGHT, DELIVERED)):
        state, told, moved = live(order)
        assert state.reports.shipments["DN-1"].stated[M.SHIPPED] == {1: 8, 2: 60}
        last = {it.topic.milestone: it for it in told}
        assert last[M.SHIPPED].payload.lines == packs(8), [it.id for it in order]
        assert last[M.DELIVERED].payload.lines in ((), packs(8)), "no lines are all that left"
        assert [it.revision for it in told] == sorted(it.revision for it in told)
        assert {kind: n for (kind, _), n in moved.items()} == {
            "shipped A": 8,
            "shipped B": 60,
            "delivered A": 8,
            "delivered B": 60,
        }
        held = goods.of_order(state)
        assert held[place(Bucket.CUSTOMER), "A"] == 8
        assert not held["transit:DN-1", "A"]


def test_the_correction_says_that_it_is_one_and_the_rank_follows() -> None:
    state, told, _ = live((TEN, EIGHT))
    assert [(it.key.removeprefix("erp-one/SO-1/"), it.payload.correction) for it in told] == [
        ("DN-1/shipped", False),
        ("DN-1/shipped/src#eight", True),
    ]
    late = lifecycle.apply(live((EIGHT,))[0], TEN)
    assert late.superseded == "another report of shipped counts: that of 2026-05-04 16:00:00 UTC"
    assert state == live((EIGHT, TEN))[0].model_copy(update={"version": state.version})


def test_of_the_same_moment_the_higher_sequence_number_counts_then_the_id() -> None:
    first, second = (event(M.SHIPPED, 3, lines=packs(n), name=name, sequence=s) for n, name, s in SAME)
    for order in permutations((first, second, event(M.SHIPPED, 3, lines=packs(7), name="b"))):
        assert live(order)[0].reports.shipments["DN-1"].stated[M.SHIPPED][1] == 9
    for order in permutations((event(M.SHIPPED, 3, lines=packs(n), name=name) for n, name in ((5, "a"), (6, "b")))):
        assert live(order)[0].reports.shipments["DN-1"].stated[M.SHIPPED][1] == 6


SAME = ((8, "z", 1), (9, "a", 2))


def test_a_report_that_states_which_one_it_corrects_replaces_it_also_with_an_earlier_time() -> None:
    other = event(M.SHIPPED, 3.5, lines=packs(30), name="other")
    right = correcting(EIGHT, 9, 1, "right")
    for order in permutations((TEN, other, EIGHT, right)):
        state, told, _ = live(order)
        it = state.reports.shipments["DN-1"]
        assert (it.stated[M.SHIPPED][1], it.seen[M.SHIPPED]) == (9, NOON + timedelta(hours=1)), [x.id for x in order]
        assert told[-1].payload.lines == packs(9)
    again = correcting(right, 11, 0.5, "once more")
    for order in permutations((TEN, EIGHT, right, again)):
        assert live(order)[0].reports.shipments["DN-1"].stated[M.SHIPPED][1] == 11
    assert lifecycle.apply(live((TEN, EIGHT, right))[0], EIGHT).superseded


def test_a_delivery_of_another_day_is_told_and_one_of_the_next_minute_is_the_same() -> None:
    tomorrow = event(M.DELIVERED, 33, name="tomorrow")
    minute = event(M.DELIVERED, 9.02, name="by another")
    shipped = event(M.SHIPPED, 3, lines=FULL)
    _, told, moved = live((shipped, DELIVERED, minute))
    assert [it.topic.milestone for it in told] == [M.SHIPPED, M.DELIVERED]
    assert moved["delivered A", NOON.date()] == 40
    state, told, moved = live((shipped, DELIVERED, tomorrow))
    assert (told[-1].payload.occurred_at, told[-1].payload.correction) == (tomorrow.occurred_at, True)
    assert (moved["delivered A", NOON.date()], moved["delivered A", tomorrow.occurred_at.date()]) == (0, 40)
    assert state.delivered_at(state.lines[0]) == tomorrow.occurred_at


def reports() -> st.SearchStrategy[list[MilestoneReport]]:
    """Up to five reports, of which some correct others, also one another in a circle."""
    ids = [f"src#{n}" for n in range(5)]
    one = st.tuples(st.integers(0, 3), st.integers(0, 1), st.booleans(), st.sampled_from(["", *ids]))
    return st.lists(one, min_size=2, max_size=5).map(
        lambda found: [
            MilestoneReport(
                at=NOON + timedelta(hours=hours),
                sequence=sequence,
                event=ids[n] if states else short_id(ids[n]),
                packs={1: n + 1} if states else None,
                corrects=short_id(corrects) if corrects not in ("", ids[n]) else "",
            )
            for n, (hours, sequence, states, corrects) in enumerate(found)
        ]
    )


@given(reports(), st.randoms())
@settings(max_examples=300)
def test_any_reports_in_any_order_leave_the_same_one(found: list[MilestoneReport], chance: object) -> None:
    ends = set()
    for order in list(permutations(found))[:: max(1, len(found))]:
        known: tuple[MilestoneReport, ...] = ()
        counts = None
        for it in (*order, order[0]):
            counts, kept = heard(known or ((counts,) if counts else ()), it)
            known = kept
        ends.add(counts.mark if counts else "")
    assert len(ends) == 1


def test_reports_that_correct_one_another_in_a_circle_come_to_the_same_end() -> None:
    one, two = (
        event(M.SHIPPED, hours, lines=packs(n), name=name, corrects=f"src#{other}")
        for hours, n, name, other in ((5, 5, "one", "two"), (2, 6, "two", "one"))
    )
    plain, later = event(M.SHIPPED, 3, lines=packs(7), name="plain"), event(M.SHIPPED, 6, lines=packs(9), name="later")
    last = correcting(two, 4, 1, "last")
    for others, right in (((), 5), ((plain,), 5), ((plain, later), 9), ((plain, last), 4)):
        for order in permutations((one, two, *others)):
            state, told, _ = live(order)
            assert state.reports.shipments["DN-1"].stated[M.SHIPPED][1] == right, [it.id for it in order]
            assert told[-1].payload.lines == packs(right)


@pytest.mark.parametrize("kind", [M.DELAYED, M.EXCEPTION])
def test_what_is_said_later_of_an_eta_or_a_trouble_counts_by_sequence_too(kind: M) -> None:
    early, late = (
        event(kind, 4, eta=NOON + timedelta(days=d), name=name, sequence=s, reason=f"{d}")
        for d, name, s in ((20, "z", 1), (30, "a", 2))
    )
    for order in ((early, late), (late, early)):
        state = live((event(M.SHIPPED, 3, lines=FULL), *order))[0]
        it = state.reports.shipments["DN-1"].eta
        assert it is not None
        assert it.eta == NOON + timedelta(days=30)
        assert not state.issues.reported_issues or state.issues.reported_issues["other/DN-1"].reason == "30"
