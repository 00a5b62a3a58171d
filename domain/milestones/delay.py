"""Delay bands: how late an ETA is against the promise, and the day to promise instead."""

from datetime import date, datetime, timedelta
from enum import StrEnum

from domain.days import begin_of, day_of
from schemas.days import EVERY_DAY, Days


class Band(StrEnum):
    """How bad a delay is."""

    NONE = "none"
    MINOR = "minor"
    MAJOR = "major"
    SEVERE = "severe"


MINOR_DAYS = 2
MAJOR_DAYS = 7


def band(now: date, first: date) -> Band:
    """The band of a delay: how many days the day promised now is later than the first promise."""
    late = (now - first).days
    if late <= 0:
        return Band.NONE
    if late <= MINOR_DAYS:
        return Band.MINOR
    return Band.MAJOR if late <= MAJOR_DAYS else Band.SEVERE


def day_by_eta(eta: datetime | None, first: date, told: date, slack: timedelta, there: Days = EVERY_DAY) -> date:
    """The day to promise now: the ETA's when it is later than the first promise, else the first promise.

    An ETA that leaves the last reported day by no more than `slack` keeps it. An ETA that trembles around midnight
    does not move the promise to and fro. Beyond the slack, the day follows from the newest ETA and the first promise
    alone. The order in which ETAs arrive cannot change it. Days are those of the customer, `there`.
    """
    if eta is None:
        return first
    if begin_of(told, there) - slack <= eta <= begin_of(told + timedelta(days=1), there) + slack:
        return told
    return max(first, day_of(eta, there))
