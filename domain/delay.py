"""Delay bands: how late an ETA is against the promise, and the day to promise instead."""

from datetime import date, datetime
from enum import StrEnum

MINUTES_PER_DAY = 24 * 60


class Band(StrEnum):
    """How bad a delay is. `none` and `tolerated` do not re-date the promise."""

    NONE = "none"
    TOLERATED = "tolerated"
    MINOR = "minor"
    MAJOR = "major"
    SEVERE = "severe"


MINOR_DAYS = 2
MAJOR_DAYS = 7


def days_late(eta: datetime | date, promised_on: date) -> int:
    """Whole days by which an ETA misses the promised day; negative when early. A promise holds until its day ends."""
    day = eta.date() if isinstance(eta, datetime) else eta
    return (day - promised_on).days


def band(eta: datetime | date, promised_on: date, tolerance_days: int = 0) -> Band:
    """The band of a delay. `tolerance_days`: later by no more than this is tolerated and keeps the promise."""
    late = days_late(eta, promised_on)
    if late <= 0:
        return Band.NONE
    if late <= tolerance_days:
        return Band.TOLERATED
    if late <= MINOR_DAYS:
        return Band.MINOR
    return Band.MAJOR if late <= MAJOR_DAYS else Band.SEVERE


def redated(eta: datetime | None, promised_on: date, tolerance_days: int = 0) -> date:
    """The day to promise now: the ETA's when it is late beyond tolerance, else the first promise.

    A function of the newest ETA and the first promise alone, so the order in which ETAs arrive cannot change it.
    """
    if eta is None or band(eta, promised_on, tolerance_days) in (Band.NONE, Band.TOLERATED):
        return promised_on
    return eta.date()
