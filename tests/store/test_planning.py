"""Netting for planning: nothing lost, nothing counted twice, an item stays together; transit moves with its ETA."""

import asyncio
from collections import Counter
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from itertools import count
from random import Random
from typing import NamedTuple

import pytest

from schemas.inventory.stock import Moves, StockMove
from schemas.messaging.effects import Movement
from schemas.planning.feeds import FeedRun
from schemas.workflows.records import StepRecord
from store.engine import Connection, Database
from store.inventory import ledger
from store.orders import steps
from store.planning import movements, planning
from tests import written
from tests.stack.standins import until
from tests.store.rows import DELTA, DUE, FIRST, KEY, LATER, NOW, PICKED, SHIPPED, open_order
from tests.written import Said

NUMBERS = count(1)
MANY = 200
"""Items: looked at again for each other, they are 40,000."""
SENT = {"on_hand:LYS": {"A": -40}, "transit:DN-1": {"A": 40}}


class ItemDelta(NamedTuple):
    """A movement of an item."""

    item: str = "A"
    packs: int = 40
    kind: str = "shipped"
    site: str = "LYS"
    due: date | None = None
    days: int = 0
    accepted_at: datetime = NOW
    region: str = "EMEA"


async def buffered(connection: Connection, deltas: Iterable[ItemDelta]) -> None:
    """Buffer movements."""
    found = tuple(
        DELTA.model_copy(
            update={
                "key": f"{KEY}/{next(NUMBERS)}",
                "kind": it.kind,
                "site": it.site,
                "region": it.region,
                "promised_on": it.due,
                "occurred_at": NOW + timedelta(days=it.days),
                "accepted_at": it.accepted_at,
                "movements": (Movement(item=it.item, quantity=it.packs),),
            }
        )
        for it in deltas
    )
    await movements.buffer(connection, KEY, found)


async def confirm(connection: Connection) -> list[tuple[str, str, str, int, int]]:
    """Send all that is pending; item, site, kind, day and packs of each row."""
    rows = [it.row for it in await planning.pending(connection, FeedRun(region="EMEA"), 10_000)]
    await planning.answered(connection, [row.key for row in rows], {})
    return [(row.item, row.site, row.kind, (row.day - NOW.date()).days, row.packs) for row in rows]


@pytest.mark.parametrize("seed", range(12))
async def test_netting_conserves_every_sum(database: Database, seed: int) -> None:
    chance = Random(seed)
    told, moved = Counter[tuple[str, str, str, int]](), Counter[tuple[str, str, str, int]]()
    async with database.transaction() as connection:
        for _ in range(8):
            deltas = [
                ItemDelta(
                    chance.choice("ABC"),
                    chance.choice((-2, -1, 1, 2)),
                    chance.choice(("shipped", "stock:on_hand")),
                    chance.choice(("LYS", "MUC")),
                    days=chance.randrange(2),
                )
                for _ in range(chance.randrange(1, 30))
            ]
            await buffered(connection, deltas)
            for it in deltas:
                moved[it.item, it.site, it.kind, it.days] += it.packs
            if chance.random() < 0.6:
                assert await planning.freeze(connection, FeedRun(region="EMEA")) > 0
                assert await planning.freeze(connection, FeedRun(region="EMEA")) == 0, "what is frozen is frozen once"
            if chance.random() < 0.5:
                for item, site, kind, days, packs in await confirm(connection):
                    assert packs
                    told[item, site, kind, days] += packs
        await planning.freeze(connection, FeedRun(region="EMEA"))
        for item, site, kind, days, packs in await confirm(connection):
            told[item, site, kind, days] += packs
        cursor = await connection.execute("SELECT count(*) AS n FROM planning_delta WHERE sent_at IS NULL")
        assert await cursor.fetchone() == {"n": 0}
    assert {about: packs for about, packs in told.items() if packs} == {k: v for k, v in moved.items() if v}


async def test_what_nets_to_nothing_is_settled_unsent(database: Database) -> None:
    async with database.transaction() as connection:
        await buffered(connection, [ItemDelta(packs=5), ItemDelta(packs=-5)])
        assert await planning.freeze(connection, FeedRun(region="EMEA")) == 2
        assert await planning.pending(connection, FeedRun(region="EMEA"), 9) == []
        assert (await planning.figures(connection))["movements"] == 2


async def test_all_movements_of_an_item_go_together_the_most_urgent_items_first(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planning, "ITEMS_PER_FLUSH", 2)
    async with database.transaction() as connection:
        await buffered(
            connection, [ItemDelta("LATER", due=LATER), ItemDelta("HOT", due=LATER), ItemDelta("B", due=DUE)]
        )
        await buffered(connection, [ItemDelta("HOT", due=date(2026, 5, 5), kind="picked", packs=1)])
        flushes = []
        while await planning.freeze(connection, FeedRun(region="EMEA")):
            flushes.append([f"{item} {packs}" for item, _, _, _, packs in await confirm(connection)])
    assert flushes == [["HOT 1", "HOT 40", "B 40"], ["LATER 40"]]


async def test_a_flush_is_bounded_whatever_has_piled_up_and_an_item_keeps_its_order(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planning, "MOVEMENTS_PER_FLUSH", 3)
    async with database.transaction() as connection:
        await buffered(connection, [ItemDelta("HOT", packs, due=DUE, kind=f"k{packs}") for packs in range(1, 8)])
        await buffered(connection, [ItemDelta("B", 1, due=LATER), ItemDelta("C", 2, due=LATER)])
        sizes: list[int] = []
        told: list[str] = []
        while (size := await planning.freeze(connection, FeedRun(region="EMEA"))) and len(sizes) < 9:
            sizes.append(size)
            told += [f"{item} {packs}" for item, _, _, _, packs in await confirm(connection)]
    assert sizes == [3, 3, 3], "the last flush has room for the next items"
    assert told == [*(f"HOT {packs}" for packs in range(1, 8)), "B 1", "C 2"]


async def test_two_feeds_that_freeze_at_once_take_each_movement_once(database: Database) -> None:
    """The first may be slow, and taken for dead."""
    run = FeedRun(region="EMEA")
    async with database.transaction() as connection:
        await buffered(connection, [ItemDelta("A", 5), ItemDelta("B", 7)])

    async def other() -> int:
        async with database.transaction() as connection:
            return await planning.freeze(connection, run)

    async def waits() -> bool:
        async with database.connection() as connection:
            cursor = await connection.execute("SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
            return bool(await cursor.fetchall())

    async with database.transaction() as connection:
        assert await planning.freeze(connection, run) == 2
        second = asyncio.create_task(other())
        await until(waits)
    assert await second == 0
    async with database.transaction() as connection:
        assert [(it.row.item, it.row.packs) for it in await planning.pending(connection, run, 9)] == [
            ("A", 5),
            ("B", 7),
        ]


async def looked_at(connection: Connection) -> int:
    """Rows of the buffer that were read in this transaction."""
    cursor = await connection.execute(
        "SELECT (seq_tup_read + idx_tup_fetch)::int AS n FROM pg_stat_xact_user_tables WHERE relname = 'planning_delta'"
    )
    return int((await cursor.fetchone() or {})["n"])


async def test_a_flush_looks_at_each_movement_a_few_times_however_many_wait(database: Database) -> None:
    """The statistics are of a moment at which nothing waits, as nearly always."""
    async with database.transaction() as connection:
        await buffered(connection, [ItemDelta(f"I{n % MANY}", 1 + n) for n in range(2 * MANY)])
        await connection.execute("UPDATE planning_delta SET flush = 1")
        await connection.execute("ANALYZE planning_delta")
    async with database.transaction() as connection:
        await connection.execute("UPDATE planning_delta SET flush = NULL")
        before = await looked_at(connection)
        assert await planning.freeze(connection, FeedRun(region="EMEA")) == 2 * MANY
        assert await looked_at(connection) - before < 10 * 2 * MANY
        rows = await confirm(connection)
        assert [(item, packs) for item, *_, packs in rows] == [(f"I{n}", 2 + 2 * n + MANY) for n in range(MANY)]


async def test_a_step_of_many_lines_looks_up_what_is_in_transit_once_for_each(database: Database) -> None:
    await open_order(database)
    packs = {f"I{n}": 5 for n in range(MANY)}
    less = {item: -n for item, n in packs.items()}
    sent, arrived = {"on_hand:LYS": less, "transit:DN-1": packs}, {"transit:DN-1": less, "customer:": packs}
    async with database.transaction() as connection:
        received = ({"on_hand:LYS": {item: 5}, "supplier:": {item: -5}} for item in packs)
        await ledger.book(connection, [*(moved(f"in-{n}", it) for n, it in enumerate(received)), moved("sent", sent)])
        await connection.execute("ANALYZE planning_delta")
    async with database.transaction() as connection:
        await ledger.book(connection, [moved("arrived", arrived)])
        assert await looked_at(connection) < 10 * MANY
    assert await in_transit(database) == {}


def moved(key: str, moves: Moves) -> StockMove:
    """A movement of the order."""
    return StockMove(key=key, kind="step", source="order", ref=KEY, occurred_at=NOW, moves=moves)


async def in_transit(database: Database) -> dict[date, int]:
    """Packs in transit by the day on which they are to arrive, as planning is told."""
    async with database.connection() as connection:
        cursor = await connection.execute(
            "SELECT day, sum(packs)::int AS packs FROM planning_delta WHERE kind = 'stock:in_transit' GROUP BY day "
            "HAVING sum(packs) <> 0"
        )
        return {row["day"]: row["packs"] for row in await cursor.fetchall()}


def due(version: int, eta: datetime | None, moves: dict[str, dict[str, int]] | None = None) -> StepRecord:
    """A step of the order that is under way, with an ETA."""
    [shipment] = Said(SHIPPED).shipments
    changed = {"shipments": (shipment.model_copy(update={"eta": eta}),), "moves": moves or {}, "version": version}
    return written.but(SHIPPED, **changed, deltas=(), promised_on=DUE)


async def test_stock_in_transit_moves_to_the_day_of_its_eta_at_once(database: Database) -> None:
    await open_order(database)
    for step in (FIRST, PICKED, due(3, None, SENT)):
        await steps.write(database, written.step(step))
    assert await in_transit(database) == {DUE: 40}, "as promised"
    late, later = NOW + timedelta(days=20), NOW + timedelta(days=30)
    for _ in range(2):
        await steps.write(database, written.step(due(4, late)))
    assert await in_transit(database) == {late.date(): 40}
    await steps.write(database, written.step(due(5, later, {"transit:DN-1": {"A": -15}, "customer:": {"A": 15}})))
    assert await in_transit(database) == {later.date(): 25}
    await steps.write(database, written.step(due(6, late, {"transit:DN-1": {"A": -25}, "customer:": {"A": 25}})))
    assert await in_transit(database) == {}


async def test_a_movement_booked_again_is_told_once(database: Database) -> None:
    await open_order(database)
    await steps.write(database, written.step(FIRST))
    for _ in range(3):
        await steps.write(database, written.step(due(3, None, SENT)))
    async with database.connection() as connection:
        assert await ledger.audit(connection) == []
        cursor = await connection.execute(
            "SELECT region, order_key, item, site, kind, packs::int AS packs FROM planning_delta ORDER BY packs"
        )
        rows = [tuple(row.values()) for row in await cursor.fetchall()]
    assert rows == [
        ("EMEA", KEY, "A", "LYS", "stock:on_hand", -40),
        ("EMEA", KEY, "A", "LYS", "stock:in_transit", 40),
    ]
