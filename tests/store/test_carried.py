"""Sums carried forward are those of the whole ledger, whenever they are carried; what was carried is not read again."""

import asyncio
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from random import Random

import psycopg
import pytest

from schemas.inventory.stock import Figure, StockMove
from store.engine import Connection, Database
from store.finance import carried
from store.inventory import ledger
from tests.store.rows import KEY, open_order

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
ERPS, SITES, ITEMS = ("erp-one", "erp-two"), ("LYS", "RDC"), ("A", "B")
NOW = timedelta(0)
Sums = Counter[tuple[str, str]]


class Told:
    """What an independent count expects: of ERP one, which owns the stock of LYS, and under way at LYS."""

    def __init__(self, order: str) -> None:
        self._order, self._dice = order, Random(11)
        self.erp, self.under_way = Sums(), Sums()
        self._made = 0

    def move(self) -> StockMove:
        """A random movement between two places."""
        self._made += 1
        item, packs = self._dice.choice(ITEMS), self._dice.randint(1, 50)
        source = self._dice.choice(("inventory", "order", "other"))
        ref = {"inventory": "LYS", "order": self._order, "other": "erp-two/SO-9"}[source]
        site = self._dice.choice(SITES)
        goes_to = self._dice.choice((f"blocked:{site}", "transit:DN-1")) if source != "inventory" else f"blocked:{site}"
        moves = {f"on_hand:{site}": {item: -packs}, goes_to: {item: packs}}
        if source == "order":
            self.erp[item, f"on_hand:{site}"] -= packs
            self.erp[item, goes_to] += packs
            if goes_to == "transit:DN-1":
                self.under_way[item, "in_transit:LYS"] += packs
        if source == "inventory" and site == "LYS":
            self.erp[item, "on_hand:LYS"] -= packs
            self.erp[item, "blocked:LYS"] += packs
        kind = "order" if source == "other" else source
        return StockMove(key=f"m{self._made}", kind="shipment", source=kind, ref=ref, occurred_at=NOON, moves=moves)


def summed(figures: Iterable[Figure]) -> Sums:
    """By (item, place); twice the same counts twice."""
    found = Sums()
    for it in figures:
        found[it.item, it.place] += it.packs
    return found


async def read(connection: Connection) -> tuple[Sums, Sums]:
    """Of ERP one, and of the region of LYS."""
    erp = summed(await carried.of_erp(connection, "erp-one", ["LYS"]))
    return erp, summed(await carried.under_way(connection, "EMEA"))


async def test_sums_are_those_of_the_whole_ledger_whenever_they_are_carried(database: Database) -> None:
    await open_order(database)
    told, dice = Told(KEY), Random(12)
    async with database.transaction() as connection:
        await connection.execute("UPDATE order_view SET site = 'LYS', region = 'EMEA'")
        await connection.execute(
            "INSERT INTO planning_site (site, region) VALUES ('LYS', 'EMEA') "
            "ON CONFLICT (site) DO UPDATE SET region = 'EMEA'"
        )
    for n in range(60):
        async with database.transaction() as connection:
            await ledger.book(connection, [told.move()])
        if dice.random() < 0.3:
            async with database.transaction() as connection:
                await carried.forward(connection, NOW)
        if n % 6 == 5:
            async with database.connection() as connection:
                erp, under_way = await read(connection)
            assert erp == Sums({key: packs for key, packs in told.erp.items() if packs})
            assert under_way == Sums({key: packs for key, packs in told.under_way.items() if packs})


async def test_history_that_was_carried_is_not_read(database: Database) -> None:
    told = Told("erp-one/SO-1")
    async with database.transaction() as connection:
        await ledger.book(connection, [told.move() for _ in range(20)])
    await asyncio.gather(*(forward(database) for _ in range(4)))
    async with database.transaction() as connection:
        before = await read(connection)
        await connection.execute("SET LOCAL session_replication_role = replica")
        await connection.execute("DELETE FROM stock_entry")
        assert await read(connection) == before
    assert before[0] == Sums({key: packs for key, packs in told.erp.items() if packs})


async def forward(database: Database) -> None:
    """Carry everything."""
    async with database.transaction() as connection:
        await carried.forward(connection, NOW)


async def test_nobody_waits_for_who_carries(database: Database) -> None:
    async with database.transaction() as carrying:
        await carried.forward(carrying, NOW)
        async with asyncio.timeout(10), database.transaction() as connection:
            await carried.forward(connection, NOW)
            assert await read(connection) == (Sums(), Sums())


async def test_what_is_young_is_not_carried_and_a_call_carries_so_much(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = Told("erp-one/SO-1")
    for _ in range(5):
        async with database.transaction() as connection:
            await ledger.book(connection, [told.move()])
    monkeypatch.setattr(carried, "AT_ONCE", 1)
    rows = []
    for lag in (carried.LAG, NOW, NOW, NOW):
        async with database.transaction() as connection:
            await carried.forward(connection, lag)
            cursor = await connection.execute(
                "SELECT count(*) AS n FROM stock_move WHERE booked_at <= (SELECT upto FROM stock_carried_mark)"
            )
            rows.append((await cursor.fetchall())[0]["n"])
            assert (await read(connection))[0] == Sums({key: packs for key, packs in told.erp.items() if packs})
    assert rows == [0, 2, 4, 5]


async def test_the_books_of_freight_are_not_emptied(database: Database) -> None:
    for table in ("freight_entry", "freight_move, freight_entry"):
        with pytest.raises(psycopg.errors.RestrictViolation, match="append-only"):
            async with database.connection() as connection:
                await connection.execute(f"TRUNCATE {table}".encode())
