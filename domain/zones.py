"""Zones from the IANA database as data: looked up where messages come in, never by a workflow."""

from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

from schemas.days import ClockChange, Days, Zone

BEFORE, AFTER = timedelta(days=40), timedelta(days=1_100)
"""So long before an order came and after it clocks are known: longer than orders live, and are looked back on."""
UTC_NAME = "UTC"
"""The zone of whoever has said nothing; also begins the name of one that only an offset tells."""
_STEP, _SECOND = timedelta(hours=6), timedelta(seconds=1)
MOST_DAYS_OFF = 200
"""Days off that travel with an order: those of some ten years in most calendars."""


def zone_at(name: str, moment: datetime) -> Zone:
    """A zone and its changes around a moment. Raises KeyError when there is no such zone."""
    day = moment.astimezone(UTC).date()
    return _zone(name, day.replace(day=1))  # of a month: the same for thousands of orders


def fixed(offset_s: int) -> Zone:
    """Clocks that are always as far ahead of UTC, as `UTC+05:30`."""
    if not offset_s:
        return Zone()
    return Zone(name=timezone(timedelta(seconds=offset_s)).tzname(None), offset_s=offset_s)


def clock(name: str) -> tzinfo:
    """The clock of a zone by the name that `zone_at` or `fixed` gave it. Raises KeyError when there is no such zone."""
    if name != UTC_NAME and name.startswith(UTC_NAME):
        return datetime.strptime(name, "UTC%z").tzinfo or UTC
    return ZoneInfo(name)


def around(off: tuple[date, ...], moment: datetime) -> tuple[date, ...]:
    """Those days off that may matter to what begins at a moment."""
    first, last = (moment - BEFORE).date(), (moment + AFTER).date()
    return tuple(sorted({day for day in off if first <= day <= last})[:MOST_DAYS_OFF])


def days(zone: Zone, working: tuple[int, ...], off: tuple[date, ...], moment: datetime) -> Days:
    """The days of a place, as far as they may matter to what begins at a moment."""
    return Days(zone=zone, working=tuple(sorted(set(working))), off=around(off, moment))


@lru_cache(maxsize=1_000)
def _zone(name: str, month: date) -> Zone:
    zone, begins = ZoneInfo(name), datetime(month.year, month.month, 1, tzinfo=UTC)
    at, last, changes = begins - BEFORE, begins + AFTER, []
    first = _offset_s(at, zone)
    while at < last:
        following = at + _STEP
        if _offset_s(following, zone) != _offset_s(at, zone):
            changed = _change(at, following, zone)
            changes.append(ClockChange(at=changed, offset_s=_offset_s(changed, zone)))
        at = following
    return Zone(name=name, offset_s=first, changes=tuple(changes))


def _change(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """The first moment at which clocks differ from what they were."""
    old = _offset_s(before, zone)
    while after - before > _SECOND:
        middle = before + ((after - before) // 2 // _SECOND) * _SECOND
        before, after = (middle, after) if _offset_s(middle, zone) == old else (before, middle)
    return after


def _offset_s(moment: datetime, zone: ZoneInfo) -> int:
    offset = moment.astimezone(zone).utcoffset()
    return int(offset.total_seconds()) if offset else 0
