"""The projection of an item, site by site, from what the database knows at one moment."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from dispatch.orders.days import of_sites
from domain.days import day_of
from domain.inventory.availability import ForecastDemand, add_up, first_shortages, project, unconsumed
from schemas.days import Days
from schemas.inventory.promising import Availability, AvailabilityDay, AvailabilityList
from schemas.planning.forecast import PeriodLength
from store.engine import Connection, Database
from store.inventory import promising
from store.planning import forecast

Rows = list[tuple[date, int]]
"""(day, packs)."""


class Outlook(NamedTuple):
    """An item at a site, the days of the site, and today there."""

    item: str
    site: str
    days: Days
    today: date


async def availability(database: Database, item: str, site: str | None, horizon_days: int) -> AvailabilityList:
    """The projections of an item, and of all its sites together."""
    async with database.connection() as connection:
        found = await read(connection, item, site, horizon_days)
    together = add_up([it.days for it in found])
    whole = _shown(item, "", together, found[0].as_of, managed=True) if len(found) > 1 else None
    return AvailabilityList(availability=tuple(found), together=whole)


async def read(connection: Connection, item: str, site: str | None, horizon_days: int) -> list[Availability]:
    """The projection of an item at each site that keeps stock of it; at the one that is named, in any case. Days are
    those of the site."""
    now = datetime.now(UTC)
    kinds: defaultdict[str, defaultdict[str, Rows]] = defaultdict(lambda: defaultdict(list))
    for row in await promising.outlook(connection, item, site):
        kinds[row.site][row.what].append((row.day or date.min, row.packs))  # what is on hand has no day
    managed = {at: sum(packs for _, packs in known["on_hand"]) for at, known in kinds.items() if known["on_hand"]}
    found, sites = [], sorted({*managed, *((site,) if site else ())})
    there = await of_sites(connection, sites, now)
    for at in sites:
        known, today = kinds[at], day_of(now, there[at])
        expected = await _forecast(connection, Outlook(item, at, there[at], today), known["leaving"], horizon_days)
        days = project(
            managed.get(at, 0),
            known["supply"],
            known["reserved"],
            known["demand"],
            today,
            horizon_days,
            in_transit=known["in_transit"],
            forecast=expected,
        )
        found.append(_shown(item, at, days, now, managed=at in managed))
    return found


async def _forecast(
    connection: Connection, about: Outlook, leaving: Rows, horizon_days: int
) -> Iterable[tuple[date, int]]:
    """Forecast demand beyond the orders, by day."""
    item, site, days, today = about
    ends = today + timedelta(days=horizon_days)
    rows = await forecast.newest(connection, item, site, today, ends)
    if not rows:
        return ()
    periods = [ForecastDemand(PeriodLength(row.bucket), row.period, row.packs) for row in rows]
    first = min(it.first for it in periods)
    gone = await forecast.shipped(connection, item, site, first, ends, days.zone.name) if first <= today else {}
    still = [(max(day, today), packs) for day, packs in leaving]
    return unconsumed(periods, [*gone.items(), *still], today).items()


def _shown(item: str, site: str, days: tuple[AvailabilityDay, ...], now: datetime, *, managed: bool) -> Availability:
    short_on, runs_out_on = first_shortages(days)
    return Availability(
        item=item, site=site, managed=managed, as_of=now, short_on=short_on, runs_out_on=runs_out_on, days=days
    )
