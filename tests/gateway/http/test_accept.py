"""Group commit: a success means committed, and nothing else does."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psycopg
import pytest

from gateway.http import inbox_writer
from gateway.http.inbox_writer import InboxWriter
from gateway.http.problems import Problem
from store.engine import Connection, Database
from store.messaging import inbox
from store.messaging.inbox import NewMessage
from tests.gateway.harness import Gateway
from tests.gateway.messages import event, release


def message(number: int) -> NewMessage:
    return NewMessage("dhl", "api", inbox.EVENT, f"e-{number}", "d", str(number).encode())


class Watched:
    """A database that counts commits, can hold them back, and can fail when they commit."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.commits = 0
        self.broken = False
        self.open = asyncio.Event()
        self.open.set()

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """A connection of the real database, whose one statement can fail as it commits."""
        self.commits += 1
        await self.open.wait()
        async with self._database.transaction() as connection:
            yield connection
            if self.broken:
                raise psycopg.OperationalError("the commit failed")


@pytest.fixture
def watched(gateway: Gateway) -> Watched:
    return Watched(gateway.database)


async def test_what_waits_together_is_committed_together(gateway: Gateway, watched: Watched) -> None:
    writer = InboxWriter(watched)  # type: ignore[arg-type]
    watched.open.clear()
    first = asyncio.create_task(writer.commit([message(0)]))
    await asyncio.sleep(0)
    others = [asyncio.create_task(writer.commit([message(n), message(n + 1)])) for n in range(1, 100, 2)]
    await asyncio.sleep(0)
    assert not first.done()
    watched.open.set()
    ids = [*await first, *(inbox_id for answered in await asyncio.gather(*others) for inbox_id in answered)]

    assert watched.commits == 2
    stored = await gateway.inbox()
    assert [row["id"] for row in stored] == ids
    assert [row["raw"] for row in stored] == [str(n).encode() for n in range(101)]


async def test_a_group_has_a_size(watched: Watched) -> None:
    writer = InboxWriter(watched)  # type: ignore[arg-type]
    together = [message(n) for n in range(150)]
    await asyncio.gather(*(writer.commit(together) for _ in range(3)), writer.commit(together * 2))
    assert watched.commits == 4


async def test_a_failed_commit_answers_nobody_with_success(gateway: Gateway, watched: Watched) -> None:
    writer = InboxWriter(watched)  # type: ignore[arg-type]
    watched.broken = True
    outcomes = await asyncio.gather(*(writer.commit([message(n)]) for n in range(5)), return_exceptions=True)
    for outcome in outcomes:
        assert isinstance(outcome, Problem)
        assert outcome.status_code == 503
        assert outcome.headers == {"Retry-After": "2"}
    assert await gateway.inbox() == []

    watched.broken = False
    assert len(await writer.commit([message(9)])) == 1


async def test_one_that_gave_up_does_not_hurt_the_others(watched: Watched) -> None:
    writer = InboxWriter(watched)  # type: ignore[arg-type]
    watched.open.clear()
    impatient, patient = [asyncio.create_task(writer.commit([message(n)])) for n in range(2)]
    await asyncio.sleep(0)
    impatient.cancel()
    await asyncio.sleep(0)
    watched.open.set()
    assert len(await patient) == 1


async def test_the_queue_is_bounded(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbox_writer, "MAX_WAITING", 3)
    writer = InboxWriter(watched)  # type: ignore[arg-type]
    watched.open.clear()
    held = [asyncio.create_task(writer.commit([message(n)])) for n in range(3)]
    await asyncio.sleep(0)
    with pytest.raises(Problem) as full:
        await writer.commit([message(9)])
    assert full.value.status_code == 503
    watched.open.set()
    await asyncio.gather(*held)
    assert len(await writer.commit([message(9)])) == 1


@pytest.mark.parametrize("table", ["inbox_message", "order_view"])
async def test_no_success_while_the_database_refuses(gateway: Gateway, table: str) -> None:
    async with gateway.database.connection() as connection:
        await connection.execute(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'disk full' USING ERRCODE = '53100'; END $$"
        )
        # Deferred: the statement succeeds, and the commit fails.
        await connection.execute(
            f"CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON {table} DEFERRABLE INITIALLY DEFERRED "
            "FOR EACH ROW EXECUTE FUNCTION refuse()"
        )
    answers = [await gateway.post("/v1/orders", "erp-one", release())]
    if table == "inbox_message":
        answers.append(await gateway.post("/v1/events", "dhl", event()))
    for answer in answers:
        assert answer.status_code == 503
        assert answer.json()["type"] == "/problems/unavailable"
        assert "disk" not in answer.text
    assert await gateway.inbox() == []
    assert gateway.handoff.released == []
