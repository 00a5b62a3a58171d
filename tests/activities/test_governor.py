"""The governor on a real database: a delay is proposed once, after it has lasted, and expires undecided."""

from datetime import timedelta

from temporalio.testing import ActivityEnvironment

from activities.governor import GovernorActivities, GovernorLimits
from schemas.governing import GovernorReport, GovernorRun
from store import governing, steps
from store.engine import Database
from tests.store.rows import FIRST, NOW, SHIPPED, open_order

RUN = GovernorRun(region="EMEA")
ISSUE = {"on_hand:LYS": {"A": -40}, "transit:DN-1": {"A": 40}}


async def looked(database: Database, debounce_s: float = 0.0, ttl_s: float = 3600.0) -> GovernorReport:
    """One look."""
    limits = GovernorLimits(debounce_s=debounce_s, ttl_s=ttl_s, run_for_s=0.0)
    report: GovernorReport = await ActivityEnvironment().run(GovernorActivities(database, limits).govern, RUN)
    return report


async def expected(database: Database, days: int, version: int, lost: int = 0) -> None:
    """The shipment says that it is there so many days from now."""
    shipment = SHIPPED.shipments[0].model_copy(update={"eta": NOW + timedelta(days=days)})
    moves = ISSUE if version == 3 else {"on_hand:LYS": {"A": -lost}, "adjustment:LYS": {"A": lost}} if lost else {}
    step = SHIPPED.model_copy(update={"version": version, "shipments": (shipment,), "moves": moves})
    await steps.write(database, step)


async def test_a_delay_is_proposed_once_with_what_else_happens_to_the_item(database_url: str) -> None:
    async with Database(database_url, 3) as database:
        await open_order(database)
        await steps.write(database, FIRST)
        await expected(database, 5, 3)
        assert (await looked(database)).proposed == 0, "as planned"
        await expected(database, 9, 4)
        assert (await looked(database)).proposed == 0, "it has just changed"
        assert (await looked(database, debounce_s=60)).proposed == 0, "it may go back"
        assert [(await looked(database)).proposed for _ in range(3)] == [1, 0, 0]
        await expected(database, 9, 5, lost=12)
        assert [(await looked(database)).proposed for _ in range(3)] == [0, 1, 0]
        async with database.connection() as connection:
            [asked] = await governing.listing(connection)
        assert (asked.item, asked.site, asked.region, asked.slipped_days) == ("A", "LYS", "EMEA", 4)
        assert [(cause.source, cause.packs, cause.days) for cause in asked.causes] == [
            ("shipment DN-1", 0, 4),
            ("counts", 12, 0),
        ]


async def test_what_goes_back_is_seen_by_nobody(database_url: str) -> None:
    async with Database(database_url, 3) as database:
        await open_order(database)
        await steps.write(database, FIRST)
        await expected(database, 5, 3)
        await looked(database)
        await expected(database, 9, 4)
        await looked(database, debounce_s=60)
        await expected(database, 5, 5)
        await looked(database)
        await expected(database, 9, 6)
        assert (await looked(database)).proposed == 0, "its clock began anew"


async def test_what_nobody_decides_expires(database_url: str) -> None:
    async with Database(database_url, 3) as database:
        await open_order(database)
        await steps.write(database, FIRST)
        for version, days in ((3, 5), (4, 9)):
            await expected(database, days, version)
            await looked(database)
        assert (await looked(database, ttl_s=0.0)).proposed == 1
        assert (await looked(database)).expired == 1
        async with database.connection() as connection:
            assert await governing.listing(connection) == []
            [week] = await governing.precision(connection)
        assert (week.decided, week.expired, week.precision) == (0, 1, None)
