"""The promise given at release: the requested day, or the earliest day that the variant's lead time allows."""

from collections.abc import Mapping
from datetime import date, datetime

from domain.days import brought_on, day_of, shared_day, working_days_after
from schemas.base import Variant
from schemas.days import Days, Way
from schemas.orders.release import LinePromise, OrderRelease, Promise
from schemas.plurals import counted, verb
from schemas.standard_identifiers import TransportMode

HANDLING_DAYS = {Variant.DISTRIBUTION_CENTRE: 1, Variant.DIRECT_DROP: 2}
"""Days from release until the goods leave: pick and pack, or the supplier's preparation."""
CARRIAGE_DAYS = {
    TransportMode.AIR_CHARTER: 2,
    TransportMode.AIR: 3,
    TransportMode.ROAD: 3,
    TransportMode.RAIL: 7,
    TransportMode.OCEAN: 21,
}
"""Standard days under way by mode. No mode: as by air, until the tender says otherwise."""


def lead_days(variant: Variant, mode: TransportMode | None) -> int:
    """Standard lead time in calendar days from release to delivery."""
    return HANDLING_DAYS[variant] + CARRIAGE_DAYS[mode or TransportMode.AIR]


def delivered_on(today: date, variant: Variant, mode: TransportMode | None, way: Way) -> date:
    """The day of delivery of goods that are on hand today. They are made ready on working days here, and travel on
    those of their carrier. The receiver takes them in on a working day there."""
    leaves = working_days_after(today, HANDLING_DAYS[variant], way.here)
    return brought_on(leaves, CARRIAGE_DAYS[mode or TransportMode.AIR], way)


def begins_on(release: OrderRelease, now: datetime, here: Days) -> date:
    """The day on which work on an order begins `here`: that of the promise, and not before its release. A replay of
    past business time begins when it was released."""
    return day_of(release.released_at if release.clock == "events" else max(release.released_at, now), here)


def promise(release: OrderRelease, today: date, way: Way = Way()) -> Promise:  # noqa: B008 - it cannot be changed
    """Promise every line: its requested day when the lead time from `today` allows it, else the earliest possible."""
    wanted = {x.line: release.wanted_on(x) for x in release.lines}
    return by_lead_time(wanted, delivered_on(today, release.variant, release.mode, way), way)


def by_lead_time(wanted: Mapping[int, date], earliest: date, way: Way) -> Promise:
    """The promise of lines by the days on which they are wanted. No day is before the earliest possible one, or a day
    off of the carrier or the customer."""
    days = {line: max(shared_day(day, way.carriage, way.there), earliest) for line, day in wanted.items()}
    late = sum(1 for day in wanted.values() if day < earliest)
    off = sum(1 for line, day in wanted.items() if earliest <= day < days[line])
    lines = counted(len(days), "line")
    reasons = (
        f"{late} of {lines} {verb(late, 'needs', 'need')} the lead time until {earliest}" if late else "",
        f"{off} of {lines} {verb(off, 'is', 'are')} wanted on a day off" if off else "",
    )
    return Promise(
        promised_on=max(days.values()),
        lines=tuple(LinePromise(line=line, promised_on=day) for line, day in days.items()),
        reason=", ".join(filter(None, reasons)) or "as requested",
    )
