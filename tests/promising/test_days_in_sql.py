"""Days of sites in rows that SQL writes: as the gateway finds them, over changes of clocks and the date line."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dispatch.orders.days import of_sites
from domain import zones
from domain.days import day_of
from schemas.cases.policies import Scope
from schemas.days import Days
from schemas.inventory.stock import StockMove
from schemas.partners.master_data import MasterKind
from store.engine import Database
from store.inventory import ledger, reallocation
from store.planning import movements, site_regions
from tests.promising.stocked import NOW, SITE, expect, incoming, promise, put_stock
from tests.promising.test_days import known, rule
from tests.store.rows import DELTA

NAMES = ("UTC", "America/New_York", "Europe/Amsterdam", "Pacific/Kiritimati", "Pacific/Pago_Pago", "Asia/Kathmandu")
CHANGES = ("2026-03-08", "2026-03-29", "2026-05-04", "2026-10-25", "2026-11-01")


async def value(database: Database, statement: str, **named: Any) -> Any:
    """The only value of a query."""
    async with database.connection() as connection:
        cursor = await connection.execute(statement.encode(), named)
        [row] = await cursor.fetchall()
        return row["value"]


@pytest.mark.parametrize("change", CHANGES)
async def test_sql_and_domain_have_the_same_days(database: Database, change: str) -> None:
    first = datetime.fromisoformat(change).replace(tzinfo=UTC) - timedelta(days=1)
    places = {name: Days(zone=zones.zone_at(name, first)) for name in NAMES}
    places |= {zones.fixed(s).name: Days(zone=zones.fixed(s)) for s in (-18_000, 19_800, 50_400)}
    moments = [first + timedelta(minutes=minutes) for minutes in range(0, 3 * 24 * 60, 29)]
    async with database.connection() as connection:
        cursor = await connection.execute(
            "SELECT at, zone, day_in(at, zone) AS day FROM unnest(%s::timestamptz[]) at, unnest(%s::text[]) zone",
            (moments, list(places)),
        )
        found = await cursor.fetchall()
    assert len(found) == len(moments) * len(places)
    assert [row for row in found if row["day"] != day_of(row["at"], places[row["zone"]])] == []


async def test_a_zone_that_the_database_does_not_know_counts_as_utc(database: Database) -> None:
    assert await value(database, "SELECT day_in(%(at)s, 'Mars/Olympus') AS value", at=NOW) == NOW.date()


async def test_a_site_has_the_zone_that_the_gateway_finds(database: Database) -> None:
    async def agreed(site: str = SITE) -> str:
        async with database.connection() as connection:
            found = (await of_sites(connection, [site], NOW))[site].zone.name
        assert await value(database, "SELECT site_zone(%(site)s) AS value", site=site) == found
        return found

    assert await agreed() == "UTC"
    async with database.transaction() as connection:
        await site_regions.know_site(connection, SITE, "EMEA")
    await rule(database, "a-all", Scope(), time_zone="Asia/Tokyo")
    assert await agreed() == "Asia/Tokyo"
    await rule(database, "b-region", Scope(region="EMEA"), time_zone="Europe/Paris")
    assert (await agreed(), await agreed("ELSE")) == ("Europe/Paris", "Asia/Tokyo")
    await rule(database, "b-site", Scope(site=SITE), time_zone="Europe/Rome")
    assert await agreed() == "Europe/Rome", "of two that name as much, the later id"
    await rule(database, "c-days", Scope(site=SITE), working_days=[1])
    assert await agreed() == "Europe/Rome", "one that says nothing of the zone leaves it"
    await rule(database, "a-both", Scope(site=SITE, region="EMEA"), time_zone="Asia/Dubai")
    assert await agreed() == "Asia/Dubai"
    await rule(database, "a-both", Scope(site=SITE, region="APAC"), time_zone="Asia/Seoul")
    assert await agreed() == "Europe/Rome", "a rule that was changed is the newest version"
    await known(database, MasterKind.SITE, SITE, calendar="CAL")
    assert await agreed() == "Europe/Rome"
    await known(database, MasterKind.SITE, "HAM", time_zone="America/Lima")
    assert await agreed("HAM") == "America/Lima"


@pytest.mark.parametrize(
    ("zone", "moment", "day"),
    [
        ("America/New_York", "2026-03-09T03:30:00", "2026-03-08"),
        ("America/New_York", "2026-11-01T04:30:00", "2026-11-01"),
        ("America/New_York", "2026-11-02T04:30:00", "2026-11-01"),
        ("Pacific/Kiritimati", "2026-05-04T11:00:00", "2026-05-05"),
        ("Pacific/Pago_Pago", "2026-05-04T10:00:00", "2026-05-03"),
    ],
)
async def test_planning_is_told_the_day_of_the_site(database: Database, zone: str, moment: str, day: str) -> None:
    at = datetime.fromisoformat(moment).replace(tzinfo=UTC)
    await rule(database, "site", Scope(site="LYS"), time_zone=zone)
    told = DELTA.model_copy(update={"occurred_at": at})
    move = StockMove(
        key="m",
        kind="step",
        source="order",
        ref="x",
        occurred_at=at,
        moves={"on_hand:LYS": {"B": -1}, "customer:": {"B": 1}},
    )
    async with database.transaction() as connection:
        await movements.buffer(connection, DELTA.order, (told,))
        assert await ledger.book(connection, [move])
        cursor = await connection.execute("SELECT DISTINCT day::text FROM planning_delta")
        assert await cursor.fetchall() == [{"day": day}]
        cursor = await connection.execute("SELECT count(*) AS n FROM planning_delta")
        assert await cursor.fetchall() == [{"n": 2}], "of the order, and of the ledger"


async def test_overdue_is_what_should_have_come_by_the_day_of_the_site(database: Database) -> None:
    await put_stock(database, "s", 1)
    await expect(database, incoming("1", 100, 10))
    await promise(database, "1", 30)
    async with database.transaction() as connection:
        await connection.execute("DELETE FROM repromise")
    await rule(database, "site", Scope(site=SITE), time_zone="Pacific/Pago_Pago")

    async def queued(at: datetime) -> int:
        async with database.transaction() as connection:
            await reallocation.look_at_overdue(connection, at)
        return int(await value(database, "SELECT count(*) AS value FROM repromise"))

    eleventh = datetime(2026, 5, 11, 11, tzinfo=UTC)
    assert await queued(eleventh - timedelta(minutes=1)) == 0, "it is the tenth there, until the last minute"
    assert await queued(eleventh) == 1
