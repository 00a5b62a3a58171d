"""Projected availability: what will be there of an item at a site, day by day.

Two figures answer two questions. What may be promised is supply less orders, whatever is forecast (available to
promise). What a planner watches is the projected available balance: that, less the part of the forecast that no order
has used up yet. Orders consume the forecast of the period in which they leave; see docs/decisions/0028.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from typing import NamedTuple

from schemas.forecast import Bucket
from schemas.promising import AvailabilityDay

Rows = Iterable[tuple[date, int]]
"""(day, packs)."""
FINEST = tuple(Bucket)


class Expected(NamedTuple):
    """Packs that are forecast to leave in the period that begins on `first`."""

    bucket: Bucket
    first: date
    packs: int

    @property
    def ends(self) -> date:
        """The day after its last one."""
        return self.bucket.following(self.first)


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
    """Each day from `begins` on: on hand and expected supply, less what is reserved and what is demanded besides; and
    less what is `forecast` beyond that. `in_transit` is a part of `supply`.

    What was due before counts on the first day; what is due after the horizon does not count. Linear in the rows.
    """
    comes, held, asked = (_by_day(rows, begins) for rows in (supply, reserved, demand))
    rolling, more = _by_day(in_transit, begins), _by_day(forecast, begins)
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


def unconsumed(periods: Iterable[Expected], leaving: Rows, begins: date) -> Counter[date]:
    """What is forecast beside orders, by day from `begins` on. `leaving` are packs of orders by the day on which
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
    """The projections of several sites, of the same days, as one."""
    figures = set(AvailabilityDay.model_fields) - {"day"}
    return tuple(
        AvailabilityDay(day=at[0].day, **{name: sum(getattr(it, name) for it in at) for name in figures})
        for at in zip(*sites, strict=True)
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


def _by_day(rows: Rows, begins: date) -> Counter[date]:
    found = Counter[date]()
    for day, packs in rows:
        found[max(day, begins)] += packs
    return found
