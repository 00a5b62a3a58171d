"""The projection: what is there, what comes, what is spoken for; sums are conserved."""

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from domain.inventory.availability import ForecastDemand, add_up, expected_on, first_shortages, project, unconsumed
from schemas.planning.forecast import PeriodLength

TODAY = date(2026, 5, 4)


def after(days: int) -> date:
    """So many days from today."""
    return TODAY + timedelta(days=days)


rows = st.lists(st.tuples(st.integers(-5, 30).map(after), st.integers(0, 1000)), max_size=30)


def test_each_day_says_what_is_left() -> None:
    days = project(40, [(after(1), 60)], [(TODAY, 30), (after(1), 20)], [(after(2), 5)], TODAY, 3)
    assert [(it.on_hand, it.supply, it.reserved, it.demand, it.projected) for it in days] == [
        (40, 0, 30, 0, 10),
        (40, 60, 20, 0, 50),
        (100, 0, 0, 5, 45),
    ]


def test_what_is_overdue_counts_a_week_after_its_day_and_what_moves_counts_on_its_new_day() -> None:
    late = [(after(-3), 7)]
    assert [it.projected for it in project(0, late, [], [], TODAY, 6)] == [0, 0, 0, 0, 7, 7]
    assert [it.projected for it in project(0, late, [(after(-3), 2)], [], TODAY, 5)] == [0, 0, 0, 0, 5]
    assert [it.in_transit for it in project(0, late, [], [], TODAY, 5, in_transit=late)] == [0, 0, 0, 0, 7]
    assert [it.projected for it in project(9, [], [(date.min, 7)], [], TODAY, 1)] == [2], "stock has no day"
    assert [expected_on(after(-n), TODAY) for n in (0, 1, 6, 7, 13, 14)] == [after(n) for n in (0, 6, 1, 7, 1, 7)]
    assert [it.projected for it in project(0, [(after(1), 7)], [], [], TODAY, 2)] == [0, 7]


@given(st.integers(-50, 1000), rows, rows, rows, st.integers(1, 20))
def test_nothing_appears_or_vanishes(
    on_hand: int, comes: list[tuple[date, int]], held: list[tuple[date, int]], asked: list[tuple[date, int]], n: int
) -> None:
    days = project(on_hand, comes, held, asked, TODAY, n)
    ends = after(n - 1)
    comes, held = ([(expected_on(day, TODAY), packs) for day, packs in kind] for kind in (comes, held))
    come, out = (sum(packs for day, packs in kind if day <= ends) for kind in (comes, [*held, *asked]))
    assert days[-1].projected == on_hand + come - out
    assert [it.day for it in days] == [after(k) for k in range(n)]


WEEK = ForecastDemand(PeriodLength.WEEK, TODAY, 70)
"""The 4th of May 2026 is a Monday."""


def test_what_orders_leave_of_a_period_is_spread_over_its_days_to_come() -> None:
    assert unconsumed([WEEK], [], TODAY) == {after(n): 10 for n in range(7)}
    assert unconsumed([WEEK], [(TODAY, 50), (after(6), 10), (after(7), 99)], after(4)) == {
        after(4): 3,
        after(5): 3,
        after(6): 4,
    }
    assert not +unconsumed([WEEK], [(after(1), 71)], TODAY), "more orders than forecast do not lower another period's"
    assert unconsumed([WEEK], [], after(7)) == {}, "a period that is over expects nothing any more"


def test_the_shortest_period_that_covers_a_day_holds() -> None:
    may = ForecastDemand(PeriodLength.MONTH, date(2026, 5, 1), 280)
    found = unconsumed([may, WEEK, ForecastDemand(PeriodLength.DAY, TODAY, 1)], [], TODAY)
    assert [found[after(n)] for n in (0, 1, 6, 7, 27)] == [1, 10, 10, 10, 10]


def test_shortages_are_named_and_sites_are_added_up() -> None:
    here = project(10, [], [], [(after(2), 15)], TODAY, 4, forecast=[(after(1), 11)])
    assert first_shortages(here) == (after(2), after(1))
    there = project(20, [(after(1), 5)], [], [], TODAY, 4, in_transit=[(after(1), 5)])
    assert [(it.projected, it.balance, it.in_transit) for it in add_up([here, there])] == [
        (30, 30, 0),
        (35, 24, 5),
        (20, 9, 0),
        (20, 9, 0),
    ]
    assert first_shortages(there) == (None, None)


periods = st.lists(
    st.tuples(st.sampled_from(PeriodLength), st.integers(-40, 40), st.integers(0, 900)).map(
        lambda x: ForecastDemand(x[0], x[0].begins(after(x[1])), x[2])
    ),
    unique_by=lambda x: (x.bucket, x.first),
    max_size=12,
)


@given(periods, rows)
def test_the_forecast_beside_orders_is_never_less_than_nothing_and_never_more_than_was_forecast(
    said: list[ForecastDemand], leaving: list[tuple[date, int]]
) -> None:
    found, alone = unconsumed(said, leaving, TODAY), unconsumed(said, [], TODAY)
    assert all(packs >= 0 and day >= TODAY for day, packs in found.items())
    assert sum(found.values()) <= sum(alone.values()) <= sum(it.packs for it in said if it.ends > TODAY)


@given(st.integers(0, 900), rows)
def test_orders_and_forecast_take_the_larger_of_the_two_off_a_period(
    packs: int, leaving: list[tuple[date, int]]
) -> None:
    """The projected available balance as it is taught: receipts less the greater of forecast and orders."""
    week = ForecastDemand(PeriodLength.WEEK, TODAY, packs)
    mine = [(day, ordered) for day, ordered in leaving if week.first <= day < week.ends]
    days = project(0, [], [], mine, TODAY, 7, forecast=unconsumed([week], mine, TODAY).items())
    assert -days[-1].balance == max(packs, sum(ordered for _, ordered in mine))
