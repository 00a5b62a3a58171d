"""Days of places: which day a moment is on, when a day begins and ends, working days and working time.

Pure: zones are data (`schemas.days`), so that a workflow that is replayed decides the same.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta

from schemas.days import EVERY_DAY, WHOLE_WEEK, Days, Way, Zone

ONE = timedelta(days=1)
_TICK = timedelta(microseconds=1)
MOST_OFF = 1_100
"""Days in a row that nobody works at most: a calendar that is off for longer is taken for one without days off."""


def _offset(moment: datetime, zone: Zone) -> timedelta:
    offset_s = zone.offset_s
    for change in zone.changes:
        if moment < change.at:
            break
        offset_s = change.offset_s
    return timedelta(seconds=offset_s)


def day_of(moment: datetime, days: Days) -> date:
    """The day that it is at a place."""
    return (moment.astimezone(UTC) + _offset(moment, days.zone)).date()


def begin_of(day: date, days: Days) -> datetime:
    """The first moment of a day. Where clocks skip midnight, or strike it twice, that is the first of the day all the
    same."""
    midnight, zone = datetime.combine(day, time(), UTC), days.zone
    if not zone.changes:
        return midnight - timedelta(seconds=zone.offset_s)
    offsets = {zone.offset_s, *(change.offset_s for change in zone.changes)}
    moments = [midnight - timedelta(seconds=offset_s) for offset_s in offsets]
    changes = [change.at for change in zone.changes if abs(change.at - midnight) <= 2 * ONE]
    return min(at for at in (*moments, *changes) if day_of(at, days) >= day)


def end_of(day: date, days: Days) -> datetime:
    """The last moment of a day."""
    return begin_of(day + ONE, days) - _TICK


def works_on(day: date, days: Days) -> bool:
    """Whether people work there on a day."""
    return day.isoweekday() in days.working and day not in days.off


def working_day(day: date, days: Days) -> date:
    """This day, or the next on which people work."""
    if _always(days):
        return day
    return next((it for it in _from(day, ONE) if works_on(it, days)), day)


def working_days_after(day: date, count: int, days: Days) -> date:
    """The day that is a number of working days after the first one on or after this day."""
    found = working_day(day, days)
    for _ in range(0 if _always(days) else count):
        found = working_day(found + ONE, days)
    return found + count * ONE if _always(days) else found


def shared_day(day: date, one: Days, other: Days) -> date:
    """This day, or the next on which people work at both places. Of two that never work together, the other's alone."""
    if _always(one):
        return working_day(day, other)
    return next((it for it in _from(day, ONE) if works_on(it, one) and works_on(it, other)), working_day(day, other))


def brought_on(ready: date, count: int, way: Way) -> date:
    """The day on which goods arrive that are ready on a day, after so many days of driving. The last of these is a day
    on which the receiver takes goods in."""
    return shared_day(working_days_after(ready, count, way.carriage), way.carriage, way.there)


def later(moment: datetime, seconds: float, days: Days) -> datetime:
    """The moment some seconds of working days later: time on days off does not count."""
    left, at = timedelta(seconds=seconds), moment
    for day in () if _always(days) else _from(day_of(moment, days), ONE):
        begins, ends = begin_of(day, days), begin_of(day + ONE, days)
        if works_on(day, days):
            at = max(at, begins)
            if left <= ends - at:
                break
            left -= ends - at
            at = ends
    return at + left


def earlier(moment: datetime, seconds: float, days: Days) -> datetime:
    """The moment some seconds of working days earlier."""
    left, at = timedelta(seconds=seconds), moment
    for day in () if _always(days) else _from(day_of(moment, days), -ONE):
        begins, ends = begin_of(day, days), begin_of(day + ONE, days)
        if works_on(day, days):
            at = min(at, ends)
            if left <= at - begins:
                break
            left -= at - begins
            at = begins
    return at - left


def _always(days: Days) -> bool:
    return days is EVERY_DAY or (days.working == WHOLE_WEEK and not days.off)


def _from(day: date, step: timedelta) -> Iterator[date]:
    return (day + n * step for n in range(MOST_OFF))
