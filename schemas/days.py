"""The days of a place: when they begin there, and on which of them people work.

A zone travels as data, with the changes of its clocks ahead. So a decision needs no zone database, and comes out the
same after an update of it.
"""

from datetime import date, datetime
from typing import Annotated, NamedTuple
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field

from schemas.base import Contract, Day, Moment

WHOLE_WEEK = (1, 2, 3, 4, 5, 6, 7)
"""Every day, Monday (1) to Sunday (7), ISO 8601."""


def _known(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError("is not a zone of the IANA time zone database") from None
    return name


TimeZone = Annotated[str, Field(max_length=60), AfterValidator(_known)]
"""Name of a zone in the IANA database, as `America/New_York`."""
WorkingDays = Annotated[tuple[Annotated[int, Field(strict=True, ge=1, le=7)], ...], Field(min_length=1, max_length=7)]
"""Days of the week on which people work, Monday (1) to Sunday (7), ISO 8601."""


class ClockChange(Contract):
    """From this moment on, clocks are so many seconds ahead of UTC."""

    at: Moment
    offset_s: int


class Zone(Contract):
    """The offset of clocks from UTC: `offset_s` seconds until the first of the `changes`."""

    name: str = "UTC"
    offset_s: int = 0
    changes: tuple[ClockChange, ...] = ()


class Days(Contract):
    """The days of a site, customer or partner: its zone, the days of the week on which it works, and its days off."""

    zone: Zone = Zone()
    working: tuple[int, ...] = WHOLE_WEEK
    off: tuple[date, ...] = ()


EVERY_DAY = Days()
"""Days of UTC, all of them working days: of a place of which nothing is known."""


class Way(NamedTuple):
    """Whose days goods go by: `here` they are made ready, `carriage` is who drives them, `there` they are taken in."""

    here: Days = EVERY_DAY
    carriage: Days = EVERY_DAY
    there: Days = EVERY_DAY


class DaysPolicy(Contract):
    """The days of places without master data; a rule about `days`. An absent field is not known."""

    version: int = 1
    time_zone: TimeZone | None = None
    working_days: WorkingDays | None = None
    days_off: Annotated[tuple[Day, ...], Field(max_length=1_000)] = ()


def utc_offset_s(moment: datetime) -> int:
    """The offset from UTC, in seconds, of the clock that a moment was read from."""
    offset = moment.utcoffset()
    return int(offset.total_seconds()) if offset else 0
