"""Projected availability: what will be there of an item at a site, day by day.

Two figures answer two questions. What may be promised is supply less orders, whatever is forecast (available to
promise). What a planner watches is the projected available balance: that, less the part of the forecast that no order
has used up yet. Orders consume the forecast of the period in which they leave; see docs/decisions/0028.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from typing import NamedTuple

from schemas.inventory.promising import AvailabilityDay
from schemas.planning.forecast import PeriodLength

Rows = Iterable[tuple[date, int]]
"""(day, packs)."""
FINEST = tuple(PeriodLength)
OVERDUE = timedelta(days=7)
"""Days after its own day on which an overdue supply is expected. It is the built-in time in which a new order would be
filled."""


class ForecastDemand(NamedTuple):
    """Packs that are forecast to leave in the period that begins on `first`."""

    bucket: PeriodLength
    first: date
    packs: int

    @property
    def ends(self) -> date:
        """The day after its last one."""
        return self.bucket.following(self.first)


def expected_on(due: date, today: date) -> date:
    """The day on which a supply is expected. It is its own; an overdue one is expected a week later, and again a week
    later when that passes. A day that lies still for a week moves no promise daily."""
    overdue = (today - due) // OVERDUE + 1 if due < today else 0
    return due + overdue * OVERDUE


def project(
    on_hand: int,
    supply: Rows,
    reserved: Rows,
    demand: Rows,
    begins: date,
    horizon_days: int,
    *,
    in_transit: Rows = (),
    forecast: Rows = (),
) -> tuple[AvailabilityDay, ...]:
    """Stock on hand and expected supply of each day from `begins` on, less reservations and other demand.

    The `forecast` beyond these is taken off as well. `in_transit` is a part of `supply`. Overdue supply, and what is
    reserved of it, counts on the day on which it is expected now. Earlier demand counts on the first day. Figures due
    after the horizon do not count. Linear in the rows.
    """
    comes, held, rolling = (_by_day(_expected(rows, begins), begins) for rows in (supply, reserved, in_transit))
    asked, more = (_by_day(rows, begins) for rows in (demand, forecast))
    days, there, free, expected = [], on_hand, on_hand, 0
    for day in (begins + timedelta(days=n) for n in range(horizon_days)):
        free += comes[day] - held[day] - asked[day]
        expected += more[day]
        days.append(
            AvailabilityDay(
                day=day,
                on_hand=there,
                supply=comes[day],
                in_transit=rolling[day],
                reserved=held[day],
                demand=asked[day],
                projected=free,
                forecast=more[day],
                balance=free - expected,
            )
        )
        there += comes[day]
    return tuple(days)


def unconsumed(periods: Iterable[ForecastDemand], leaving: Rows, begins: date) -> Counter[date]:
    """The forecast beside orders, by day from `begins` on. `leaving` are packs of orders by the day on which
    they left or are to leave.

    What orders leave of a period's forecast is spread evenly over its days that are still to come. Where periods of
    several lengths cover a day, the shortest holds.
    """
    orders, found, covered = Counter[date](), Counter[date](), set[date]()
    for day, packs in leaving:
        orders[day] += packs
    for it in sorted(periods, key=lambda x: (FINEST.index(x.bucket), x.first)):
        days = list(_days(max(it.first, begins), it.ends))
        left = max(0, it.packs - sum(packs for day, packs in orders.items() if it.first <= day < it.ends))
        for n, day in enumerate(days):
            if day not in covered:
                found[day] += left * (n + 1) // len(days) - left * n // len(days)
        covered.update(days)
    return found


def add_up(sites: Sequence[Sequence[AvailabilityDay]]) -> tuple[AvailabilityDay, ...]:
    """The projections of several sites as one, on the days that all of them show: today is not the same everywhere."""
    figures = set(AvailabilityDay.model_fields) - {"day"}
    days: dict[date, list[AvailabilityDay]] = {}
    for it in (day for site in sites for day in site):
        days.setdefault(it.day, []).append(it)
    return tuple(
        AvailabilityDay(day=day, **{name: sum(getattr(it, name) for it in at) for name in figures})
        for day, at in sorted(days.items())
        if len(at) == len(sites)
    )


def first_shortages(days: Iterable[AvailabilityDay]) -> tuple[date | None, date | None]:
    """The first day of which `projected`, and the first of which `balance`, is below zero."""
    seen = list(days)
    return (
        next((it.day for it in seen if it.projected < 0), None),
        next((it.day for it in seen if it.balance < 0), None),
    )


def _days(first: date, ends: date) -> Iterator[date]:
    return (first + timedelta(days=n) for n in range((ends - first).days))


def _expected(rows: Rows, today: date) -> Rows:
    """Packs by the day on which they are expected; what has no day of its own is there."""
    return ((day if day == date.min else expected_on(day, today), packs) for day, packs in rows)


def _by_day(rows: Rows, begins: date) -> Counter[date]:
    found = Counter[date]()
    for day, packs in rows:
        found[max(day, begins)] += packs
    return found
