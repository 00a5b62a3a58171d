"""Accuracy of forecasts, by hand and by property."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.forecast import accuracy, compare
from schemas.forecast import Bucket, PeriodAccuracy

MONDAY = date(2026, 3, 2)
WEEK = timedelta(days=7)


def test_wmape_bias_and_value_added_by_hand() -> None:
    forecasts = {MONDAY: 100, MONDAY + WEEK: 80}
    shipped = {MONDAY - timedelta(days=1): 60, MONDAY: 40, MONDAY + timedelta(days=6): 50, MONDAY + WEEK: 110}
    periods = compare(Bucket.WEEK, forecasts, shipped)
    assert [(p.forecast, p.actual, p.naive) for p in periods] == [(100, 90, 60), (80, 110, 90)]
    found = accuracy(periods)
    assert found.wmape == pytest.approx(40 / 200)
    assert found.bias == pytest.approx(-20 / 200)
    assert found.naive_wmape == pytest.approx(50 / 200)
    assert found.value_added == pytest.approx(10 / 200)


def test_without_packs_there_is_no_ratio() -> None:
    assert set(accuracy(compare(Bucket.DAY, {MONDAY: 5}, {}))) == {None}


@pytest.mark.parametrize(
    ("bucket", "day", "first", "following"),
    [
        (Bucket.DAY, date(2026, 2, 28), date(2026, 2, 28), date(2026, 3, 1)),
        (Bucket.WEEK, date(2026, 3, 8), MONDAY, date(2026, 3, 9)),
        (Bucket.MONTH, date(2026, 2, 28), date(2026, 2, 1), date(2026, 3, 1)),
        (Bucket.MONTH, date(2026, 12, 31), date(2026, 12, 1), date(2027, 1, 1)),
    ],
)
def test_periods_of_the_calendar(bucket: Bucket, day: date, first: date, following: date) -> None:
    assert bucket.begins(day) == first
    assert bucket.following(first) == following


@given(st.sampled_from(Bucket), st.dates(date(2000, 1, 1), date(2099, 1, 1)))
def test_every_day_lies_in_one_period(bucket: Bucket, day: date) -> None:
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
