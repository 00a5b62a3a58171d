"""Master data: its owner is asked once, its word is kept for a while, and an old word is used only in its absence."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime

import pytest

from activities.partners import master_data as asking
from schemas.partners.master_data import Checked, MasterKind, MasterName
from store.engine import Connection, Database
from store.partners import master_data
from tests.owner import Owner
from tests.stack.standins import until

ITEM = MasterName("erp-one", MasterKind.ITEM, "A")
KNOWN, UNKNOWN, UNANSWERED = Checked(), Checked(unknown=(ITEM,)), Checked(unanswered=(ITEM,))
DAY_S = 86_400.0


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A pool on a fresh database."""
    async with Database(database_url, 6) as database:
        yield database


async def age(database: Database, seconds: float) -> None:
    """Let time pass for what is kept."""
    moments = "fetched_at = fetched_at - d, expires_at = expires_at - d, asked_until = asked_until - d"
    async with database.connection() as connection:
        await connection.execute(
            f"UPDATE master_record SET {moments} FROM make_interval(secs => %s) AS x(d)".encode(), (seconds,)
        )


async def test_its_word_is_kept_until_it_expires(database: Database) -> None:
    owner = Owner()
    registry = owner.behind(database, fresh_s=900)
    for _ in range(3):
        assert await registry.check([ITEM, ITEM]) == KNOWN
    await age(database, 890)
    assert await registry.check([ITEM]) == KNOWN
    assert owner.asked == ["erp-one/item/A"]
    await age(database, 20)
    assert await registry.check([ITEM]) == KNOWN
    assert len(owner.asked) == 2


async def test_that_a_record_is_unknown_is_kept_for_a_short_while_only(database: Database) -> None:
    owner = Owner(unknown={"A"})
    registry = owner.behind(database, unknown_s=30)
    assert [await registry.check([ITEM]) for _ in range(2)] == [UNKNOWN, UNKNOWN]
    assert len(owner.asked) == 1
    owner.unknown.clear()
    await age(database, 31)
    assert await registry.check([ITEM]) == KNOWN


async def test_many_at_once_ask_the_owner_once(database: Database) -> None:
    owner = Owner(busy=asyncio.Event())
    processes = [owner.behind(database) for _ in range(3)]
    checks = [asyncio.create_task(process.check([ITEM])) for process in processes for _ in range(20)]
    await until(lambda: bool(owner.asked))
    assert owner.busy
    owner.busy.set()
    assert set(await asyncio.gather(*checks)) == {KNOWN}
    assert owner.asked == ["erp-one/item/A"]


async def test_those_who_look_for_a_record_at_once_look_together(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A message that names thousands is tried again before they are found: each attempt must not cost them all."""
    claims, claim = [], master_data.claim

    async def counted(connection: Connection, name: MasterName, lease_s: float) -> datetime | None:
        claims.append(name)
        return await claim(connection, name, lease_s)

    monkeypatch.setattr(master_data, "claim", counted)
    owner = Owner(busy=asyncio.Event())
    registry = owner.behind(database)
    checks = [asyncio.create_task(registry.check([ITEM])) for _ in range(5)]
    await until(lambda: bool(owner.asked))
    assert owner.busy
    owner.busy.set()
    assert set(await asyncio.gather(*checks)) == {KNOWN}
    assert claims == [ITEM]


async def test_a_stale_record_is_used_only_while_its_owner_is_away_and_only_for_a_day(database: Database) -> None:
    owner = Owner()
    registry = owner.behind(database, fresh_s=900, stale_s=DAY_S)
    await registry.check([ITEM])
    owner.down = True
    await age(database, 1000)
    assert await registry.check([ITEM]) == KNOWN
    async with database.connection() as connection:
        entry = await master_data.find(connection, ITEM)
    assert entry and (entry.fresh, entry.down) == (False, True)
    await age(database, DAY_S)
    assert await registry.check([ITEM]) == UNANSWERED
    owner.down, owner.unknown = False, {"A"}
    await age(database, asking.PAUSE_S)
    assert await registry.check([ITEM]) == UNKNOWN, "an owner that answers is believed, whatever it said before"


async def test_an_owner_that_does_not_answer_is_left_alone_for_a_while(database: Database) -> None:
    owner = Owner(down=True)
    registry = owner.behind(database)
    assert await registry.check([ITEM]) == UNANSWERED, "not known, and not unknown either"
    assert await registry.check([ITEM]) == UNANSWERED
    assert len(owner.asked) == 1
    owner.down = False
    await age(database, asking.PAUSE_S)
    assert await registry.check([ITEM]) == KNOWN


async def test_an_answer_from_before_a_change_is_thrown_away(database: Database) -> None:
    owner = Owner(unknown={"A"}, busy=asyncio.Event())
    checking = asyncio.create_task(owner.behind(database).check([ITEM]))
    await until(lambda: bool(owner.asked))
    owner.unknown.clear()
    async with database.transaction() as connection:
        await master_data.forget(connection, {ITEM})
    assert owner.busy
    owner.busy.set()
    assert await checking == KNOWN
    assert len(owner.asked) == 2


async def test_who_dies_while_asking_does_not_stop_the_others(database: Database) -> None:
    owner = Owner(busy=asyncio.Event())
    dying = asyncio.create_task(owner.behind(database).check([ITEM]))
    await until(lambda: bool(owner.asked))
    dying.cancel()
    owner.busy = None
    await age(database, 60)
    assert await owner.behind(database).check([ITEM]) == KNOWN


async def test_an_erp_that_offers_no_master_data_is_not_asked(database: Database) -> None:
    owner = Owner(unknown={"A"})
    assert await owner.behind(database).check([ITEM._replace(owner="erp-two")]) == KNOWN
    assert owner.asked == []


async def test_what_is_too_old_to_be_used_is_dropped(database: Database) -> None:
    await Owner().behind(database, fresh_s=900).check([ITEM, ITEM._replace(id="B")])
    async with database.connection() as connection:
        await connection.execute("UPDATE master_record SET expires_at = now() - interval '8 days' WHERE id = 'A'")
        await master_data.prune(connection)
        assert await master_data.find(connection, ITEM) is None
        assert await master_data.find(connection, ITEM._replace(id="B"))
