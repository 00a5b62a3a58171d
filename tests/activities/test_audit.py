"""The audit trail is looked at all the time: its end is anchored, what is wrong is told."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio
from temporalio.testing import ActivityEnvironment

from activities.finance.audit_trail import AuditActivities
from dispatch.temporal.schedules import OF_AUDIT
from schemas.finance.reconciliation import ReconcileReport
from store.audit import audit_trail
from store.audit.anchors import Anchors
from store.engine import Database
from tests.seals import SEALS


@pytest_asyncio.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """The pool."""
    async with Database(database_url, 3, SEALS) as pool:
        yield pool


async def recorded(database: Database, count: int) -> None:
    """So many entries."""
    async with database.transaction() as connection:
        for number in range(count):
            await audit_trail.add_entry(connection, "helpdesk", "replay", f"message {number}")


async def tampered(database: Database, statement: str) -> None:
    """What somebody with every right on the database does."""
    async with database.transaction() as connection:
        await connection.execute("ALTER TABLE audit_entry DISABLE TRIGGER USER")
        await connection.execute(statement.encode())
        await connection.execute("ALTER TABLE audit_entry ENABLE TRIGGER USER")


def anchored(directory: Path) -> list[int]:
    """The entries that the files of a directory hold."""
    lines = [line for file in sorted(directory.glob("*.jsonl")) for line in file.read_text().splitlines()]
    return [int(line.split(",")[0].removeprefix('{"id": ')) for line in lines]


def emptied(directory: Path) -> None:
    """Somebody empties the files of a directory."""
    for file in directory.glob("*.jsonl"):
        file.write_text("")


async def look(found: AuditActivities) -> ReconcileReport:
    """One look."""
    report: ReconcileReport = await ActivityEnvironment().run(found.audit, OF_AUDIT)
    return report


async def test_the_end_is_anchored_and_what_is_missing_is_told_until_it_is_back(
    database: Database, tmp_path: Path
) -> None:
    def worker() -> AuditActivities:
        return AuditActivities(database, SEALS, Anchors(tmp_path, SEALS), page=2)

    first = worker()
    assert (await look(first)).findings == ()
    assert anchored(tmp_path) == [0], "an empty trail too: nothing that is not sealed may be in it"
    await recorded(database, 5)
    for _ in range(2):
        assert (await look(first)).findings == ()
        assert anchored(tmp_path) == [0, 5], "once"
    await tampered(database, "DELETE FROM audit_entry WHERE id = 5")
    await recorded(database, 1)
    for one in (first, worker()):
        [finding] = (await look(one)).findings
        assert "made anew" in finding.summary
    assert anchored(tmp_path) == [0, 5]


async def test_an_old_entry_is_looked_at_in_turn_and_stays_told(database: Database, tmp_path: Path) -> None:
    found = AuditActivities(database, SEALS, Anchors(tmp_path, SEALS), page=2)
    await recorded(database, 7)
    await look(found)
    await tampered(database, "UPDATE audit_entry SET actor = 'x' WHERE id = 4")
    told = [bool((await look(found)).findings) for _ in range(6)]
    assert told == sorted(told), "it does not come and go"
    assert told[-1]
    await tampered(database, "UPDATE audit_entry SET actor = 'helpdesk' WHERE id = 4")
    assert [(await look(found)).findings for _ in range(4)] == [()] * 4


async def test_an_anchor_that_is_not_genuine_is_told(database: Database, tmp_path: Path) -> None:
    found = AuditActivities(database, SEALS, Anchors(tmp_path, SEALS))
    await recorded(database, 1)
    await look(found)
    emptied(tmp_path)
    [finding] = (await look(found)).findings
    assert "cut or taken away" in finding.summary
