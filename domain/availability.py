"""Projected availability: what will be free of an item at a site, day by day."""

from collections import Counter
from collections.abc import Iterable
from datetime import date, timedelta

from schemas.promising import AvailabilityDay


def project(
    on_hand: int,
    supply: Iterable[tuple[date, int]],
    reserved: Iterable[tuple[date, int]],
    demand: Iterable[tuple[date, int]],
    begins: date,
    horizon_days: int,
) -> tuple[AvailabilityDay, ...]:
    """Each day from `begins` on: on hand and expected supply, less what is reserved and what is demanded besides.

    What was due before counts on the first day; what is due after the horizon does not count. Linear in the rows.
    """
    comes, held, asked = (_by_day(rows, begins) for rows in (supply, reserved, demand))
    days, there, free = [], on_hand, on_hand
    for day in (begins + timedelta(days=n) for n in range(horizon_days)):
        free += comes[day] - held[day] - asked[day]
        days.append(
            AvailabilityDay(
                day=day,
                on_hand=there,
                supply=comes[day],
                reserved=held[day],
                demand=asked[day],
                projected=free,
            )
        )
        there += comes[day]
    return tuple(days)


def _by_day(rows: Iterable[tuple[date, int]], begins: date) -> Counter[date]:
    found = Counter[date]()
    for day, packs in rows:
        found[max(day, begins)] += packs
    return found
