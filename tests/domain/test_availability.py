"""The projection: what is there, what comes, what is spoken for; sums are conserved."""

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from domain.availability import project

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


def test_what_is_overdue_counts_today_and_what_moves_counts_on_its_new_day() -> None:
    assert [it.projected for it in project(0, [(after(-3), 7)], [], [], TODAY, 2)] == [7, 7]
    assert [it.projected for it in project(0, [(after(1), 7)], [], [], TODAY, 2)] == [0, 7]


@given(st.integers(-50, 1000), rows, rows, rows, st.integers(1, 20))
def test_nothing_appears_or_vanishes(
    on_hand: int, comes: list[tuple[date, int]], held: list[tuple[date, int]], asked: list[tuple[date, int]], n: int
) -> None:
    days = project(on_hand, comes, held, asked, TODAY, n)
    ends = after(n - 1)
    come, out = (sum(packs for day, packs in kind if day <= ends) for kind in (comes, [*held, *asked]))
    assert days[-1].projected == on_hand + come - out
    assert [it.day for it in days] == [after(k) for k in range(n)]
