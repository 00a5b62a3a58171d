"""A system that has stopped answering is one case while it is away; one bad effect among answered ones is none."""

from temporalio.testing import ActivityEnvironment

from activities.cases.outage_check import OutageActivities
from schemas.cases.exceptions import ExceptionKind
from schemas.finance.reconciliation import ReconcileReport, ReconcileRun
from store.engine import Database
from store.finance import reconciliation

RUN = ReconcileRun(system="outages", target="systems")
OWED = (
    "INSERT INTO effect (key, order_key, system, operation, shipment, site, outcome, attempts, error, accepted_at, "
    "planned_at, done_at) VALUES (%s, 'erp-one/SO-1', %s, 'x', '', %s, %s, %s, %s, now(), "
    "now() - make_interval(secs => %s), now() - make_interval(secs => %s))"
)


async def owe(database: Database, key: str, system: str, age_s: float, done_s: float | None = None) -> None:
    """An effect that was planned so long ago: tried in vain, or done so long ago."""
    state = ("planned", 3, "no answer") if done_s is None else ("done", 1, None)
    async with database.connection() as connection:
        await connection.execute(OWED, (key, system, "LYS" if system == "wms" else "", *state, age_s, done_s))


async def look(database: Database) -> ReconcileReport:
    """Look once, as the worker does."""
    report: ReconcileReport = await ActivityEnvironment().run(OutageActivities(database).outages, RUN)
    return report


async def away(database: Database) -> list[str]:
    """Who is away now."""
    report = await look(database)
    return [it.subject for it in report.findings]


async def test_a_system_that_answers_nothing_is_a_case_that_is_told_once_until_it_is_back(database: Database) -> None:
    await owe(database, "before", "wms", 300, 290)
    await owe(database, "first", "wms", 30)
    assert await away(database) == [], "half a minute is no outage"
    await owe(database, "older", "wms", 90)
    report = await look(database)
    assert [(it.kind, it.subject) for it in report.findings] == [(ExceptionKind.PARTNER_OUTAGE, "wms LYS")]
    assert (report.number, report.policy.tiers[0].queue) == (1, "integration")
    assert (await look(database)).findings == report.findings, "nothing new to be told while it is away"
    await owe(database, "answered", "wms", 20, 1)
    assert await away(database) == []
    async with database.connection() as connection:
        assert await reconciliation.listing(connection) == []


async def test_one_bad_effect_among_answered_ones_is_no_outage_and_systems_are_apart(database: Database) -> None:
    await owe(database, "bad", "erp", 600)
    await owe(database, "good", "erp", 500, 400)
    await owe(database, "late", "tms", 600)
    assert await away(database) == ["tms"]


async def test_a_planning_system_that_gets_no_rows_through_is_away(database: Database) -> None:
    async with database.connection() as connection:
        await connection.execute(
            "INSERT INTO planning_delta (key, region, order_key, item, site, day, kind, packs, accepted_at, "
            "created_at, flush) VALUES ('k', 'EMEA', 'o', 'A', 'LYS', now(), 'x', 1, now(), now() - interval '1 h', 1)"
        )
    assert await away(database) == ["planning EMEA"]
