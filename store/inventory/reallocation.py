"""Promising anew: the queue of items, their reservations under lock, and what became of them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb

from schemas.inventory.promising import REPLENISHMENT, STOCK, Need, OpenLine, Rescheduling, Reservation, Source, Terms
from store.engine import Connection, Database
from store.inventory import promising

UNRESERVED = """
    SELECT l.order_key, l.line, l.item, l.first_promised_on AS wanted_on, l.first_promised_on AS not_before,
        (l.ordered - l.cancelled)::bigint AS packs, g.terms, g.told,
        coalesce(m.state IN ('received', 'routed'), false) AS busy
    FROM order_line_view l
    JOIN order_view o ON o.key = l.order_key
    JOIN stock_item s ON (s.item, s.site) = (l.item, o.site)
    JOIN order_promise g ON g.order_key = l.order_key
    LEFT JOIN inbox_message m ON m.id = g.told_in
    WHERE l.item = %(item)s
        AND l.ordered - l.cancelled > greatest(l.allocated, l.shipped)
        AND l.allocated = 0
        AND o.closed_at IS NULL
        AND NOT EXISTS (SELECT FROM peg p WHERE (p.order_key, p.line) = (l.order_key, l.line))
"""
"""Lines that nothing has been done for and that hold nothing: stock of their item was not known yet when they were
promised. They are as good as the others."""
RESERVED = """
    SELECT p.*, g.terms, g.told, coalesce(l.picked, 0) > 0 AS picked,
        coalesce(
            l.first_promised_on,
            (
                SELECT (x->>'promised_on')::date
                FROM jsonb_array_elements(g.given->'promise'->'lines') x
                WHERE (x->>'line')::int = p.line
            ),
            p.wanted_on
        ) AS not_before,
        coalesce(m.state IN ('received', 'routed'), false) AS busy
    FROM peg p
    JOIN order_promise g USING (order_key)
    LEFT JOIN order_line_view l USING (order_key, line)
    LEFT JOIN inbox_message m ON m.id = g.told_in
    WHERE p.item = %(item)s
    ORDER BY p.order_key, p.line, p.site, p.supply_key
"""
SOURCES = """
    SELECT s.item, s.site, '' AS supply, '' AS ref, DATE '0001-01-01' AS due,
        coalesce(b.packs, 0)::bigint AS packs
    FROM stock_item s
    LEFT JOIN stock_balance b ON b.item = s.item AND b.place = 'on_hand:' || s.site
    WHERE s.item = %(item)s
    UNION ALL
    SELECT item, site, key, ref, day, packs
    FROM supply
    WHERE item = %(item)s AND packs > 0
    ORDER BY 1, 2, 5, 3
"""


@dataclass(frozen=True)
class ItemPlan:
    """The stock and supply of an item, and the lines that are planned anew from them. `queued`: why it is looked at;
    `busy`: orders that have not heard of their last re-date yet; `fresh`: orders that held nothing."""

    item: str
    queued: list[int]
    sources: list[Source]
    lines: list[OpenLine]
    busy: frozenset[str]
    fresh: list[str]


async def waiting(connection: Connection, limit: int) -> list[str]:
    """Items whose promises are to be looked at, the longest waiting first."""
    cursor = await connection.execute(
        "SELECT item, min(id) AS first FROM repromise GROUP BY item ORDER BY first LIMIT %s", (limit,)
    )
    return [row["item"] for row in await cursor.fetchall()]


async def look_at_overdue(connection: Connection, now: datetime) -> None:
    """Have items looked at that are promised from what should have come before today, as it is at the site."""
    await connection.execute(
        """
        INSERT INTO repromise (item)
        SELECT DISTINCT item
        FROM peg p
        WHERE supply_key <> %(stock)s
            AND due < day_in(%(now)s, 'UTC+14:00')
            AND due < site_day(%(now)s, site)
            AND (supply_key <> %(unnamed)s OR day < site_day(%(now)s, site))
            AND NOT EXISTS (SELECT FROM repromise r WHERE r.item = p.item)
        """,
        {"stock": STOCK, "unnamed": REPLENISHMENT, "now": now},
    )


async def glance(database: Database, item: str) -> ItemPlan:
    """Read an item at one moment, in nobody's way."""
    async with database.transaction() as connection:
        await connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        return await read(connection, item)


async def read(connection: Connection, item: str) -> ItemPlan:
    """Read an item."""
    named = {"item": item}
    cursor = await connection.execute("SELECT id FROM repromise WHERE item = %(item)s ORDER BY id", named)
    queued = [row["id"] for row in await cursor.fetchall()]
    cursor = await connection.execute(RESERVED, named)
    rows = await cursor.fetchall()
    cursor = await connection.execute(UNRESERVED.encode(), named)
    without = await cursor.fetchall()
    cursor = await connection.execute(SOURCES, named)
    there = [Source.model_validate(row) for row in await cursor.fetchall()]
    return ItemPlan(
        item=item,
        queued=queued,
        sources=there,
        lines=[*_lines(rows), *(_line(x["order_key"], x, ()) for x in without)],
        busy=frozenset(row["order_key"] for row in (*rows, *without) if row["busy"]),
        fresh=sorted({row["order_key"] for row in without}),
    )


async def lock_item(connection: Connection, plan: ItemPlan) -> None:
    """Lock an item, and the orders that hold nothing of it yet."""
    await promising.lock(connection, [plan.item])
    if plan.fresh:
        await connection.execute(
            "SELECT FROM order_view WHERE key = ANY(%s) ORDER BY key FOR NO KEY UPDATE", (plan.fresh,)
        )


async def stand(connection: Connection, item: str, lines: Sequence[OpenLine]) -> bool:
    """Whether these lines still hold what they held when they were read. The item is held."""
    cursor = await connection.execute(
        """
        SELECT *
        FROM peg
        JOIN unnest(%s::text[], %s::int[]) AS x(order_key, line) USING (order_key, line)
        WHERE item = %s
        """,
        ([it.order for it in lines], [it.need.line for it in lines], item),
    )
    now = {
        (row["order_key"], row["line"], row["site"], row["supply_key"], row["packs"]) for row in await cursor.fetchall()
    }
    cursor = await connection.execute(UNRESERVED.encode(), {"item": item})
    none = {(row["order_key"], row["line"], row["packs"]) for row in await cursor.fetchall()}
    seen = {
        (it.order, it.need.line, reservation.site, reservation.supply, reservation.packs)
        for it in lines
        for reservation in it.reservations
    }
    return now == seen and none >= {(it.order, it.need.line, it.need.packs) for it in lines if not it.reservations}


async def missing(connection: Connection, item: str) -> Counter[tuple[str, str]]:
    """Packs of an item that are reserved beyond what there is, by site and supply."""
    found = await promising.oversold(connection, item)
    return Counter({(row["site"], row["supply_key"]): int(row["reserved"] - row["there"]) for row in found})


async def done(connection: Connection, plan: ItemPlan) -> None:
    """The item is off the queue when the transaction commits."""
    await connection.execute("DELETE FROM repromise WHERE id = ANY(%s)", (plan.queued,))


def _lines(rows: list[dict[str, Any]]) -> list[OpenLine]:
    found: dict[tuple[str, int], list[dict[str, Any]]] = {}
    for row in rows:
        found.setdefault((row["order_key"], row["line"]), []).append(row)
    return [_line(order, own[0], tuple(promising.peg_of(row) for row in own)) for (order, _), own in found.items()]


def _line(order: str, row: dict[str, Any], reservations: tuple[Reservation, ...]) -> OpenLine:
    need = Need(
        line=row["line"],
        item=row["item"],
        packs=sum(it.packs for it in reservations) if reservations else row["packs"],
        wanted_on=row["wanted_on"],
        not_before=row["not_before"],
    )
    told = promising.promised_days(row).get(need.line, need.not_before)
    terms, picked = Terms.model_validate(row["terms"]), bool(reservations) and row["picked"]
    return OpenLine(order=order, terms=terms, need=need, reported_on=told, reservations=reservations, picked=picked)


async def save(connection: Connection, changed: Sequence[tuple[OpenLine, tuple[Reservation, ...]]]) -> None:
    """Reserve anew."""
    await promising.release(connection, [(line.order, line.need.line) for line, _ in changed])
    await promising.reserve(connection, [(line.order, line.terms.priority, it) for line, new in changed for it in new])


async def mark_reported(connection: Connection, reschedulings: Sequence[Rescheduling], messages: Sequence[int]) -> None:
    """Other days go to orders, each in its message."""
    await connection.execute(
        """
        UPDATE order_promise g
        SET told = g.told || x.days, told_in = x.message, said = g.said || x.reason
        FROM unnest(%s::text[], %s::jsonb[], %s::bigint[], %s::text[]) AS x(order_key, days, message, reason)
        WHERE g.order_key = x.order_key
        """,
        (
            [it.order for it in reschedulings],
            [Jsonb({str(x.line): x.promised_on.isoformat() for x in it.promises}) for it in reschedulings],
            list(messages),
            [it.reason for it in reschedulings],
        ),
    )
