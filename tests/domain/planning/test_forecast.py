"""Accuracy of forecasts, by hand and by property."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.planning.forecast import accuracy, compare
from schemas.planning.forecast import Naive, PeriodAccuracy, PeriodLength

MONDAY = date(2026, 3, 2)
WEEK = timedelta(days=7)


def test_wmape_bias_and_value_added_by_hand() -> None:
    forecasts = {MONDAY: 100, MONDAY + WEEK: 80}
    shipped = {MONDAY - timedelta(days=1): 60, MONDAY: 40, MONDAY + timedelta(days=6): 50, MONDAY + WEEK: 110}
    periods = compare(PeriodLength.WEEK, forecasts, shipped)
    assert [(p.forecast, p.actual, p.naive) for p in periods] == [(100, 90, 60), (80, 110, 90)]
    found = accuracy(periods)
    assert found.wmape == pytest.approx(40 / 200)
    assert found.bias == pytest.approx(-20 / 200)
    assert found.naive_wmape == pytest.approx(50 / 200)
    assert found.value_added == pytest.approx(10 / 200)


def test_without_packs_there_is_no_ratio() -> None:
    assert set(accuracy(compare(PeriodLength.DAY, {MONDAY: 5}, {}))) == {None}


@pytest.mark.parametrize(
    ("bucket", "day", "first", "following"),
    [
        (PeriodLength.DAY, date(2026, 2, 28), date(2026, 2, 28), date(2026, 3, 1)),
        (PeriodLength.WEEK, date(2026, 3, 8), MONDAY, date(2026, 3, 9)),
        (PeriodLength.MONTH, date(2026, 2, 28), date(2026, 2, 1), date(2026, 3, 1)),
        (PeriodLength.MONTH, date(2026, 12, 31), date(2026, 12, 1), date(2027, 1, 1)),
    ],
)
def test_periods_of_the_calendar(bucket: PeriodLength, day: date, first: date, following: date) -> None:
    assert bucket.begins(day) == first
    assert bucket.following(first) == following


@given(st.sampled_from(PeriodLength), st.dates(date(2000, 1, 1), date(2099, 1, 1)))
def test_every_day_lies_in_one_period(bucket: PeriodLength, day: date) -> None:
    first = bucket.begins(day)
    assert first <= day < bucket.following(first)
    assert bucket.begins(bucket.following(first)) == bucket.following(first)


@given(st.lists(st.tuples(st.integers(0, 500), st.integers(0, 500), st.integers(0, 500)), min_size=1))
def test_no_bias_is_larger_than_the_error(figures: list[tuple[int, int, int]]) -> None:
    found = accuracy(PeriodAccuracy(period=MONDAY, forecast=f, actual=a, naive=n) for f, a, n in figures)
    if found.wmape is not None and found.bias is not None:
        assert abs(found.bias) <= found.wmape + 1e-9
    perfect = accuracy(PeriodAccuracy(period=MONDAY, forecast=a, actual=a, naive=n) for _, a, n in figures)
    assert perfect.wmape in (0, None)
    assert perfect.value_added == perfect.naive_wmape


def test_a_season_is_a_week_of_days_52_weeks_or_a_year_of_months() -> None:
    for bucket, first, season in (
        (PeriodLength.DAY, MONDAY, MONDAY - WEEK),
        (PeriodLength.WEEK, MONDAY, MONDAY - 52 * WEEK),
        (PeriodLength.MONTH, date(2026, 3, 1), date(2025, 3, 1)),
    ):
        assert bucket.begins(season) == season
        [period] = compare(bucket, {first: 5}, {season: 7, first: 6, bucket.before(first, Naive.LAST): 9}, Naive.SEASON)
        assert (period.actual, period.naive) == (6, 7)


def test_periods_without_demand_count_as_error_and_those_nobody_forecast_do_not() -> None:
    periods = compare(PeriodLength.WEEK, {MONDAY: 10, MONDAY + WEEK: 10}, {MONDAY + WEEK: 20, MONDAY + 2 * WEEK: 99})
    found = accuracy(periods)
    assert found.bias == 0.0
    assert found.wmape == pytest.approx(20 / 20)
    assert found.naive_wmape == pytest.approx(20 / 20)


@given(
    st.sampled_from(Naive),
    st.dictionaries(st.integers(0, 60), st.integers(0, 300), min_size=1, max_size=30),
    st.dictionaries(st.integers(-400, 440), st.integers(0, 300), max_size=60),
)
def test_the_figures_are_those_of_another_way_to_compute_them(
    naive: Naive, said: dict[int, int], demand: dict[int, int]
) -> None:
    forecasts = {MONDAY + n * WEEK: packs for n, packs in said.items()}
    found = accuracy(
        compare(PeriodLength.WEEK, forecasts, {MONDAY + timedelta(days=n): x for n, x in demand.items()}, naive)
    )
    weeks = [0] * 200
    for n, packs in demand.items():
        weeks[(n + 7 * 100) // 7] += packs
    rows = [(weeks[100 + n], f, weeks[100 + n - (1 if naive is Naive.LAST else 52)]) for n, f in said.items()]
    total = sum(a for a, _, _ in rows)
    if total == 0:
        assert found == (None, None, None, None)
        return
    # As a mean weighted by demand, over the periods that had one, and what was forecast where there was none.
    weighted = [sum(a / total * abs(a - x[at]) / a for a, *x in rows if a) for at in (0, 1)]
    wmape, by_nobody = (w + sum(x[at] for a, *x in rows if not a) / total for at, w in enumerate(weighted))
    assert found.wmape == pytest.approx(wmape)
    assert found.naive_wmape == pytest.approx(by_nobody)
    assert found.value_added == pytest.approx(by_nobody - wmape)
    assert found.bias == pytest.approx(sum(f for _, f, _ in rows) / total - 1)
