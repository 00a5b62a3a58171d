"""The stock ledger: booked once, whole, for ever; what one place loses another gains."""

import asyncio
from datetime import UTC, datetime
from random import Random

import psycopg
import pytest

from schemas.inventory.stock import Moves, StockMove
from store.engine import Database
from store.inventory import ledger
from store.orders import steps
from tests import written
from tests.store.rows import FIRST, SHIPPED, open_order

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)


def receipt(key: str, moves: Moves) -> StockMove:
    """A movement."""
    return StockMove(key=key, kind="receipt", source="inventory", ref="LYS", occurred_at=NOON, moves=moves)


async def figures(database: Database) -> dict[str, int]:
    """Packs by place and item."""
    async with database.connection() as connection:
        assert await ledger.audit(connection) == []
        return {f"{row['place']} {row['item']}": row["packs"] for row in await ledger.balances(connection)}


async def test_a_movement_is_booked_once(database: Database) -> None:
    movement = receipt("in/1", {"supplier:acme": {"A": -40}, "on_hand:LYS": {"A": 40}})
    for expected in (1, 0):
        async with database.transaction() as connection:
            assert await ledger.book(connection, [movement]) == expected
    assert await figures(database) == {"on_hand:LYS A": 40, "supplier:acme A": -40}


async def test_a_movement_that_does_not_add_up_is_refused(database: Database) -> None:
    broken = receipt("in/1", {"supplier:acme": {"A": -40, "B": 1}, "on_hand:LYS": {"A": 40}})
    with pytest.raises(psycopg.errors.CheckViolation, match="B of in/1: 1 packs"):
        async with database.transaction() as connection:
            await ledger.book(connection, [broken])
    assert await figures(database) == {}


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE stock_entry SET packs = 41",
        "DELETE FROM stock_entry",
        "UPDATE stock_move SET kind = 'x'",
    ],
)
async def test_what_was_booked_stays(database: Database, change: str) -> None:
    async with database.transaction() as connection:
        await ledger.book(connection, [receipt("in/1", {"supplier:acme": {"A": -40}, "on_hand:LYS": {"A": 40}})])
    with pytest.raises(psycopg.errors.RestrictViolation, match="append-only: book the opposite movement"):
        async with database.connection() as connection:
            await connection.execute(change.encode())


async def test_balances_that_somebody_has_changed_are_found(database: Database) -> None:
    async with database.transaction() as connection:
        await ledger.book(connection, [receipt("in/1", {"supplier:acme": {"A": -40}, "on_hand:LYS": {"A": 40}})])
        await connection.execute("UPDATE stock_balance SET packs = 39 WHERE place = 'on_hand:LYS'")
        found = await ledger.audit(connection)
    assert [(row["place"], row["balance"], row["entries"]) for row in found] == [("on_hand:LYS", 39, 40), ("", -1, 0)]


async def test_many_at_once_on_hot_items_neither_block_nor_lose(database: Database) -> None:
    chance = Random(1)
    items = ["A", "B", "C"]

    async def one(number: int) -> None:
        moved = {item: chance.randrange(1, 9) for item in chance.sample(items, 2)}
        less = {item: -packs for item, packs in moved.items()}
        async with database.transaction() as connection:
            await ledger.book(connection, [receipt(f"in/{number}", {"supplier:acme": less, "on_hand:LYS": moved})])

    await asyncio.gather(*(one(number) for number in range(200)))
    found = await figures(database)
    assert sum(found.values()) == 0
    assert found["on_hand:LYS A"] == -found["supplier:acme A"] > 0


async def test_a_step_and_its_movement_are_one_transaction(database: Database) -> None:
    await open_order(database)
    await steps.write(database, written.step(FIRST))
    step = written.but(SHIPPED, moves={"on_hand:LYS": {"A": -40}, "transit:DN-1": {"A": 40}})
    for _ in range(2):
        await steps.write(database, written.step(step))
    assert await figures(database) == {"on_hand:LYS A": -40, "transit:DN-1 A": 40}
    broken = written.but(SHIPPED, version=9, closed=True, moves={"on_hand:LYS": {"A": -1}})
    with pytest.raises(psycopg.errors.CheckViolation):
        await steps.write(database, written.step(broken))
    async with database.connection() as connection:
        cursor = await connection.execute("SELECT closed_at FROM order_view")
        assert await cursor.fetchall() == [{"closed_at": None}], "nothing of the step is written"


async def test_the_books_are_not_emptied(database: Database) -> None:
    async with database.transaction() as connection:
        await ledger.book(connection, [receipt("in/1", {"supplier:acme": {"A": -40}, "on_hand:LYS": {"A": 40}})])
    for table in ("stock_entry", "stock_move, stock_entry"):
        with pytest.raises(psycopg.errors.RestrictViolation, match="append-only"):
            async with database.connection() as connection:
                await connection.execute(f"TRUNCATE {table}".encode())
    assert await figures(database) == {"on_hand:LYS A": 40, "supplier:acme A": -40}


async def test_a_shipment_that_has_arrived_is_no_place_any_more(database: Database) -> None:
    out = {"on_hand:LYS": {"A": -40}, "transit:DN-1": {"A": 40}}
    part, rest = ({"transit:DN-1": {"A": -packs}, "customer:": {"A": packs}} for packs in (30, 10))
    rows = []
    for key, moves in (("out", out), ("part", part), ("rest", rest)):
        async with database.transaction() as connection:
            await ledger.book(connection, [receipt(key, moves)])
            cursor = await connection.execute("SELECT packs::int FROM stock_balance WHERE place LIKE 'transit:%'")
            rows.append([row["packs"] for row in await cursor.fetchall()])
    assert rows == [[40], [10], []]
    assert await figures(database) == {"on_hand:LYS A": -40, "customer: A": 40}


async def test_an_order_is_locked_before_the_balances_of_its_items(database: Database) -> None:
    await open_order(database)
    await steps.write(database, written.step(FIRST))
    moves: Moves = {"on_hand:LYS": {"A": -40}, "transit:DN-1": {"A": 40}}
    async with database.transaction() as connection:
        await ledger.book(connection, [receipt("in/1", {"supplier:acme": {"A": -50}, "on_hand:LYS": {"A": 50}})])
    async with database.transaction() as other:
        await other.execute("SELECT FROM order_view FOR NO KEY UPDATE")  # as a return of the order does
        writing = asyncio.create_task(steps.write(database, written.step(written.but(SHIPPED, moves=moves))))
        waits = "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        while not await (await other.execute(waits)).fetchall():
            await asyncio.sleep(0.01)
        await other.execute("SELECT FROM stock_balance ORDER BY item, place FOR UPDATE NOWAIT")
    await writing
    assert (await figures(database))["transit:DN-1 A"] == 40
