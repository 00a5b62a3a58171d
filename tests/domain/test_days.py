"""Days of places: as the zone database says, over both changes of the clocks; working days and working time."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain import zones
from domain.days import begin_of, day_of, earlier, end_of, later, working_day, working_days_after
from schemas.days import EVERY_DAY, WHOLE_WEEK, Days, Zone

BEGUN = datetime(2026, 3, 1, 12, tzinfo=UTC)
NAMES = (
    "UTC",
    "America/New_York",
    "America/Santiago",  # midnight is skipped
    "Atlantic/Azores",  # midnight strikes twice
    "Europe/Amsterdam",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",  # half an hour
    "Africa/Casablanca",
    "Pacific/Apia",
)
HOUR_S = 3600.0
WEEKDAYS = Days(working=(1, 2, 3, 4, 5))


def at(name: str, working: tuple[int, ...] = WHOLE_WEEK, off: tuple[date, ...] = ()) -> Days:
    """The days of a place in a zone."""
    return zones.days(zones.zone_at(name, BEGUN), working, off, BEGUN)


moments = st.datetimes(datetime(2026, 2, 1), datetime(2028, 12, 1), timezones=st.just(UTC))  # noqa: DTZ001


@given(st.sampled_from(NAMES), moments)
def test_days_are_those_of_the_zone_database(name: str, moment: datetime) -> None:
    days = at(name)
    day = day_of(moment, days)
    assert day == moment.astimezone(ZoneInfo(name)).date()
    begins, ends = begin_of(day, days), end_of(day, days)
    assert begins <= moment <= ends
    assert [it.astimezone(ZoneInfo(name)).date() for it in (begins, ends)] == [day, day]
    assert day_of(begins - timedelta(microseconds=1), days) == day - timedelta(days=1)


@pytest.mark.parametrize(
    ("name", "day", "hours", "begins"),
    [
        ("America/New_York", date(2026, 3, 8), 23, "2026-03-08T05:00"),
        ("America/New_York", date(2026, 11, 1), 25, "2026-11-01T04:00"),
        ("Europe/Amsterdam", date(2026, 3, 29), 23, "2026-03-28T23:00"),
        ("Europe/Amsterdam", date(2026, 10, 25), 25, "2026-10-24T22:00"),
        ("America/Santiago", date(2026, 9, 6), 23, "2026-09-06T04:00"),
        ("Atlantic/Azores", date(2026, 10, 25), 25, "2026-10-25T00:00"),
        ("Asia/Kathmandu", date(2026, 3, 8), 24, "2026-03-07T18:15"),
    ],
)
def test_a_day_on_which_clocks_change_is_shorter_or_longer(name: str, day: date, hours: int, begins: str) -> None:
    days = at(name)
    assert begin_of(day, days) == datetime.fromisoformat(f"{begins}+00:00")
    assert begin_of(day + timedelta(days=1), days) - begin_of(day, days) == timedelta(hours=hours)


def test_a_zone_that_only_an_offset_tells_is_a_clock_as_well() -> None:
    for offset_s in (0, -5 * 3600, 19_800):
        zone = zones.fixed(offset_s)
        moment = datetime(2026, 5, 4, 1, tzinfo=UTC)
        assert day_of(moment, Days(zone=zone)) == moment.astimezone(zones.clock(zone.name)).date()
    assert zones.fixed(0) == Zone()
    assert zones.fixed(19_800).name == "UTC+05:30"
    assert zones.clock("Europe/Rome") == ZoneInfo("Europe/Rome")


def test_working_days_pass_over_days_off() -> None:
    closed = Days(working=(1, 2, 3, 4, 5), off=(date(2026, 5, 1),))
    thursday, monday = date(2026, 4, 30), date(2026, 5, 4)
    assert working_day(date(2026, 5, 1), closed) == monday
    assert working_days_after(thursday, 1, closed) == monday
    assert working_days_after(date(2026, 5, 2), 1, closed) == date(2026, 5, 5), "begun on Monday"
    assert working_days_after(thursday, 1, EVERY_DAY) == date(2026, 5, 1)
    never = Days(off=tuple(thursday + timedelta(days=n) for n in range(1_200)))
    assert working_day(thursday, never) == thursday, "a calendar without a working day is no calendar"


def test_working_time_passes_over_days_off_and_counts_hours_that_pass() -> None:
    friday = datetime(2026, 5, 1, 20, tzinfo=UTC)
    assert later(friday, 6 * HOUR_S, WEEKDAYS) == datetime(2026, 5, 4, 2, tzinfo=UTC)
    assert earlier(datetime(2026, 5, 4, 2, tzinfo=UTC), 6 * HOUR_S, WEEKDAYS) == friday
    assert later(datetime(2026, 5, 2, 9, tzinfo=UTC), HOUR_S, WEEKDAYS) == datetime(2026, 5, 4, 1, tzinfo=UTC)
    assert later(friday, 6 * HOUR_S, EVERY_DAY) == friday + timedelta(hours=6)
    sundays = at("America/New_York", (6, 7))
    saturday = datetime(2026, 3, 7, 17, tzinfo=UTC)  # noon; clocks change on the day after
    assert later(saturday, 35 * HOUR_S - 1, sundays) == datetime(2026, 3, 9, 4, tzinfo=UTC) - timedelta(seconds=1)


@given(st.sampled_from(NAMES), moments, st.floats(0, 30 * 86_400), st.sets(st.integers(1, 7), min_size=1))
def test_earlier_undoes_later(name: str, moment: datetime, seconds: float, working: set[int]) -> None:
    days = at(name, tuple(working))
    begun = later(moment, 0, days)
    ended = later(begun, seconds, days)
    assert ended >= begun
    back = later(earlier(ended, seconds, days), 0, days)
    assert abs(back - later(begun, 0, days)) <= timedelta(seconds=1), (begun, ended)
