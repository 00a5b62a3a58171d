"""What the pages on goods read, among many rows: what is over is not walked through, and what is found is right."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest_asyncio

from store.engine import Connection, Database
from store.inventory import promising
from store.views import books, item_site, purchases, stock

CLOSED, OPENED, HOT = 6_000, 1_500, "ITEM-1"
LEDGER = {"stock_entry", "stock_move", "freight_entry", "freight_move"}
MANY = """
INSERT INTO order_view (key, erp, number, variant, status, site, region, priority, digest, release, inbox_id,
    released_at, closed_at)
SELECT 'erp/' || n, 'erp', n, 'distribution_centre', CASE WHEN n > %(open)s THEN 'closed' ELSE 'promised' END,
    'S' || n %% 20, 'EMEA', n %% 5, '', '{}', n, now(), CASE WHEN n > %(open)s THEN now() END
FROM generate_series(1, %(open)s + %(closed)s) n;
INSERT INTO order_line_view (order_key, line, item, ordered, allocated, picked, packed, shipped, delivered,
    first_promised_on, promised_on)
SELECT 'erp/' || n, 1, 'ITEM-' || n %% 200, 10, d, d, d, d, d, DATE '2026-03-09', DATE '2026-03-09'
FROM generate_series(1, %(open)s + %(closed)s) n, LATERAL (SELECT CASE WHEN n > %(open)s THEN 10 ELSE 0 END AS d) x;
INSERT INTO stock_item SELECT DISTINCT 'ITEM-' || n %% 200, 'S' || n %% 20 FROM generate_series(1, 4000) n;
INSERT INTO stock_item SELECT 'SPARE-' || n, 'S' || n %% 20 FROM generate_series(1, %(closed)s) n;
INSERT INTO supply (key, item, site, kind, ref, packs, day, shipment)
SELECT 'po/erp/' || n || '/1', 'ITEM-' || n %% 200, 'S' || n %% 20, 'purchase', 'PO ' || n, n %% 3 * 10,
    DATE '2026-03-02' + n %% 30, '' FROM generate_series(1, %(open)s) n;
INSERT INTO peg (order_key, line, site, supply_key, item, packs, due, day, wanted_on, late, priority)
SELECT 'erp/' || n, 1, 'S' || n %% 20, CASE n %% 7 WHEN 0 THEN 'lead' WHEN 1 THEN 'po/erp/' || n || '/1' ELSE '' END,
    'ITEM-' || n %% 200, 10, DATE '2026-03-02' + n %% 30, DATE '2026-03-09', DATE '2026-03-09', false, n %% 5
FROM generate_series(1, %(open)s) n WHERE n %% 11 > 0;
INSERT INTO stock_move (key, kind, source, ref, occurred_at, booked_at)
SELECT 'm' || n, 'step', 'order', 'erp/' || n, now(), TIMESTAMPTZ '2026-01-01' + n * interval '1 minute'
FROM generate_series(1, %(closed)s) n;
INSERT INTO stock_entry (move_key, place, item, packs, occurred_at)
SELECT 'm' || n, p.place, 'ITEM-' || n %% 3, p.packs, now() FROM generate_series(1, %(closed)s) n,
    (VALUES ('supplier:', -1), ('on_hand:S1', 1)) p(place, packs);
INSERT INTO purchase_order (key, erp, number, supplier, site, region, currency, status, revision, ordered_at,
    closed_at)
SELECT 'erp/po:' || n, 'erp', n, 'acme', 'S1', 'EMEA', 'EUR', CASE WHEN n %% 50 = 0 THEN 'shipped' ELSE 'settled' END,
    1, now(), CASE WHEN n %% 50 > 0 THEN now() END FROM generate_series(1, %(closed)s) n;
INSERT INTO purchase_line (order_key, line, item, ordered, unit_price, due_on)
SELECT 'erp/po:' || n, 1, 'ITEM-1', 10, 2.5, DATE '2026-03-09' FROM generate_series(1, %(closed)s) n;
INSERT INTO reconciliation_run (id, system, target, started_at, finished_at)
SELECT n, 'wms', 'S' || n %% 20, TIMESTAMPTZ '2026-01-01' + n * interval '1 minute', now()
FROM generate_series(1, %(closed)s) n;
INSERT INTO difference (system, target, about, subject, class, ours, theirs, owner, proposal, state, first_seen,
    last_seen, closed_at)
SELECT 'wms', 'S1', 'stock', n, 'quantity', '1', '2', 'wms', 'count', CASE WHEN n < 9 THEN 'open' ELSE 'closed' END,
    now(), now(), CASE WHEN n >= 9 THEN now() END FROM generate_series(1, %(closed)s) n;
ANALYZE
"""


async def fill(connection: Connection, opened: int, closed: int) -> None:
    """A site's books after a long time: little is open, much is over."""
    for statement in MANY.split(";\n"):
        await connection.execute(statement.encode(), {"open": opened, "closed": closed})


@pytest_asyncio.fixture
async def connection(database: Database) -> AsyncIterator[Connection]:
    """A connection to a database that is full."""
    async with database.connection() as found:
        await fill(found, OPENED, CLOSED)
        yield found


class Explained:
    """Stands for a connection: has every statement explained before it is carried out, and keeps which tables are read
    from end to end."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.walked: set[str] = set()

    async def execute(self, query: Any, parameters: Any = None) -> Any:
        """As a connection does."""
        text = query if isinstance(query, bytes) else query.encode()
        cursor = await self._connection.execute(b"EXPLAIN " + text, parameters)
        plan = "\n".join(row["QUERY PLAN"] for row in await cursor.fetchall())
        self.walked |= set(re.findall(r"Seq Scan on (\w+)", plan))
        return await self._connection.execute(query, parameters)

    @asynccontextmanager
    async def cursor(self, row_factory: Any) -> AsyncIterator["ExplainedCursor"]:
        """As a connection does."""
        async with self._connection.cursor(row_factory=row_factory) as cursor:
            yield ExplainedCursor(self, cursor)


class ExplainedCursor:
    """The same of a cursor."""

    def __init__(self, explained: Explained, cursor: Any) -> None:
        self._explained, self._cursor = explained, cursor

    async def execute(self, query: bytes, parameters: Any = None) -> None:
        """As a cursor does."""
        await self._explained.execute(query, parameters)
        await self._cursor.execute(query, parameters)

    async def fetchall(self) -> Any:
        """As a cursor does."""
        return await self._cursor.fetchall()


async def test_no_page_walks_through_what_is_over(connection: Connection) -> None:
    explained: Any = Explained(connection)
    pairs = await stock.places(explained, "")
    await stock.flows(explained, pairs)
    await stock.positions(explained, pairs[:50])
    await item_site.expected(explained, HOT, "S1")
    await item_site.holders(explained, HOT, "S1")
    await item_site.movements(explained, HOT, "S1")
    await books.stands(explained)
    assert explained.walked.isdisjoint(LEDGER)
    explained.walked.clear()
    await purchases.states(explained)
    await purchases.purchases(explained, "")
    await books.last_runs(explained)
    await books.differences(explained)
    await books.counts(explained)
    assert explained.walked.isdisjoint({"purchase_order", "purchase_line", "reconciliation_run", "difference"})


async def test_the_walk_is_seen(connection: Connection) -> None:
    explained: Any = Explained(connection)
    await books.ledger(explained, 14)
    assert explained.walked & LEDGER, "this is the one that is kept for a minute"


async def test_the_newest_movements_are_found_among_many(connection: Connection) -> None:
    found = await item_site.movements(connection, HOT, "S1")
    numbers = [int(it.key.removeprefix("m")) for it in found]
    of_item = [n for n in range(CLOSED, 0, -1) if n % 3 == 1]
    assert numbers == of_item[: item_site.MOVEMENTS]
    assert found[0].sides == {"on_hand": 1}


async def test_lists_end_and_what_is_doubtful_comes_first(connection: Connection) -> None:
    pairs = await stock.places(connection, "")
    assert len(pairs) == len(set(pairs)) == stock.PLACES
    assert len(await purchases.purchases(connection, "settled")) == purchases.PURCHASES
    assert len(await books.last_runs(connection)) == 20, "one for each target"
    assert {it.state for it in await books.differences(connection)} == {"open"}
    reserved = {pair for pair in pairs if not pair[0].startswith("SPARE")}
    assert set(pairs[: len(reserved)]) == reserved, "what is not reserved and not wanted comes last"
    assert len(reserved) == 200, "all that has reservations or open demand"


async def test_a_search_finds_parts_of_names_and_flows_are_those_that_promises_rest_on(connection: Connection) -> None:
    assert set(await stock.places(connection, "item-17")) == {
        (f"ITEM-{n}", f"S{n % 20}") for n in (17, *range(170, 180))
    }
    assert {site for _, site in await stock.places(connection, "s19")} == {"S19"}
    assert await stock.places(connection, "%") == [], "it is text, not a pattern"

    for n in (1, 7, 11, 22, 57):
        item, site = f"ITEM-{n}", f"S{n % 20}"
        flows = await stock.flows(connection, [(item, site)])
        known = {"on_hand", "supply", "reserved", "demand"}  # the list shows no forecast, nor what is on the road
        outlook = await promising.outlook(connection, item, site)
        asked = [row for row in outlook if row.packs and row.what in known]
        found = sorted((it.what, it.packs, f"{it.day}") for it in flows if it.packs)
        assert found == sorted((row.what, row.packs, f"{row.day}") for row in asked)
