"""The projection of an item, site by site, from what the database knows at one moment."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta

from domain.availability import Expected, add_up, first_shortages, project, unconsumed
from schemas.forecast import Bucket
from schemas.promising import Availability, AvailabilityDay, AvailabilityList
from store import forecast, promising
from store.engine import Connection, Database

Rows = list[tuple[date, int]]
"""(day, packs)."""


async def availability(database: Database, item: str, site: str | None, horizon_days: int) -> AvailabilityList:
    """The projections of an item, and of all its sites together."""
    async with database.connection() as connection:
        found = await read(connection, item, site, horizon_days)
    together = add_up([it.days for it in found])
    whole = _shown(item, "", together, found[0].as_of, managed=True) if len(found) > 1 else None
    return AvailabilityList(availability=tuple(found), together=whole)


async def read(connection: Connection, item: str, site: str | None, horizon_days: int) -> list[Availability]:
    """The projection of an item at each site that keeps stock of it; at the one that is named, in any case."""
    now = datetime.now(UTC)
    kinds: defaultdict[str, defaultdict[str, Rows]] = defaultdict(lambda: defaultdict(list))
    for row in await promising.outlook(connection, item, site):
        kinds[row["site"]][row["what"]].append((row["day"], row["packs"]))
    managed = {at: sum(packs for _, packs in known["on_hand"]) for at, known in kinds.items() if known["on_hand"]}
    found = []
    for at in sorted({*managed, *((site,) if site else ())}):
        known = kinds[at]
        expected = await _forecast(connection, (item, at), known["leaving"], now.date(), horizon_days)
        days = project(
            managed.get(at, 0),
            known["supply"],
            known["reserved"],
            known["demand"],
            now.date(),
            horizon_days,
            in_transit=known["in_transit"],
            forecast=expected,
        )
        found.append(_shown(item, at, days, now, managed=at in managed))
    return found


async def _forecast(
    connection: Connection, about: tuple[str, str], leaving: Rows, today: date, horizon_days: int
) -> Iterable[tuple[date, int]]:
    """What is expected to be ordered beside what is, by day."""
    item, site = about
    ends = today + timedelta(days=horizon_days)
    rows = await forecast.newest(connection, item, site, today, ends)
    if not rows:
        return ()
    periods = [Expected(Bucket(row["bucket"]), row["period"], row["packs"]) for row in rows]
    begin, end = (datetime.combine(day, time(), UTC) for day in (min(it.first for it in periods), ends))
    gone = await forecast.shipped(connection, item, site, begin, end) if begin.date() <= today else {}
    still = [(max(day, today), packs) for day, packs in leaving]
    return unconsumed(periods, [*gone.items(), *still], today).items()


def _shown(item: str, site: str, days: tuple[AvailabilityDay, ...], now: datetime, *, managed: bool) -> Availability:
    short_on, runs_out_on = first_shortages(days)
    return Availability(
        item=item, site=site, managed=managed, as_of=now, short_on=short_on, runs_out_on=runs_out_on, days=days
    )
