"""The audit of our own books: what has drifted, found by what has to be so. Read it at one moment (`moment`).

Open business is looked at as a whole. The ledger is looked at by windows of items, so that a look costs the same
however long its history is.
"""

from collections.abc import Iterable
from typing import Any

from schemas.finance.self_audit import Check, Drift
from schemas.ids import SupplyKey
from schemas.inventory.supply import Supply
from store.engine import Connection
from store.inventory import promising

AT_MOST = 500
"""Drifts of a kind that one look brings: more of them have one cause."""
OPEN = "CASE WHEN o.closed_at IS NULL THEN greatest(0, l.ordered - l.cancelled - greatest(l.allocated, l.shipped)) ELSE 0 END"
"""SQL: packs of a line that have to be reserved where stock of its item is kept."""
LOOKED_AT = "(SELECT 'its promises are being looked at' FROM repromise q WHERE q.item = x.item LIMIT 1)"


async def moment(connection: Connection) -> None:
    """All that is read from now on is of one moment."""
    await connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")


async def drifts(connection: Connection, check: Check, query: str, **params: Any) -> list[Drift]:
    """A query that selects item, where, written, right_, and waits if it has any."""
    cursor = await connection.execute(f"{query} LIMIT {AT_MOST}".encode(), params)
    return [
        Drift(
            check=check,
            item=row["item"],
            where=row["where"],
            written=str(row["written"]),
            right=str(row["right_"]),
            waits=row.get("waits") or "",
        )
        for row in await cursor.fetchall()
    ]


async def items(connection: Connection, after: str, limit: int) -> list[str]:
    """The next items that were ever booked, by hopping from one to the next."""
    cursor = await connection.execute(
        """
        WITH RECURSIVE named AS (
            (SELECT item FROM stock_entry WHERE item > %(after)s ORDER BY item LIMIT 1)
            UNION ALL
            SELECT n.item
            FROM named k
            CROSS JOIN LATERAL (SELECT item FROM stock_entry e WHERE e.item > k.item ORDER BY item LIMIT 1) n
        ),
        held AS (SELECT DISTINCT item FROM stock_balance WHERE item > %(after)s ORDER BY 1 LIMIT %(limit)s)
        SELECT item
        FROM (SELECT item FROM (SELECT item FROM named LIMIT %(limit)s) n UNION SELECT item FROM held) x
        ORDER BY 1 LIMIT %(limit)s
        """,
        {"after": after, "limit": limit},
    )
    return [row["item"] for row in await cursor.fetchall()]


async def ledger(connection: Connection, names: list[str]) -> list[Drift]:
    """Of these items: balances that are not the sum of their entries, and movements with a side missing."""
    balances = await drifts(
        connection,
        Check.BALANCE,
        """
        SELECT item, place AS where, coalesce(b.packs, 0) AS written, coalesce(e.packs, 0) AS right_
        FROM (SELECT item, place, packs FROM stock_balance WHERE item = ANY(%(items)s)) b
        FULL JOIN (
            SELECT item, place, sum(packs)::bigint AS packs
            FROM stock_entry
            WHERE item = ANY(%(items)s)
            GROUP BY 1, 2
        ) e USING (item, place)
        WHERE coalesce(b.packs, 0) <> coalesce(e.packs, 0)
        ORDER BY 1, 2
        """,
        items=names,
    )
    cursor = await connection.execute(
        "SELECT item FROM stock_entry WHERE item = ANY(%s) GROUP BY 1 HAVING sum(packs) <> 0", (names,)
    )
    lopsided = [row["item"] for row in await cursor.fetchall()]
    entries = await drifts(
        connection,
        Check.ENTRY,
        """
        SELECT item, move_key AS where, sum(packs)::bigint AS written, 0 AS right_
        FROM stock_entry
        WHERE item = ANY(%(items)s)
        GROUP BY 1, 2
        HAVING sum(packs) <> 0
        ORDER BY 1, 2
        """,
        items=lopsided,
    )
    return [*entries, *balances]


async def negative(connection: Connection) -> list[Drift]:
    """Places that hold less than nothing. Where a warehouse has never said what is in stock, its site owes what it has
    sent."""
    return await drifts(
        connection,
        Check.NEGATIVE,
        """
        SELECT b.item, b.place AS where, b.packs AS written, 0 AS right_
        FROM stock_balance b
        WHERE b.packs < 0
            AND (
                b.place LIKE 'transit:%%'
                OR (
                    split_part(b.place, ':', 1) IN ('on_hand', 'allocated', 'returns', 'blocked')
                    AND EXISTS (
                        SELECT
                        FROM stock_move m
                        WHERE m.ref = split_part(b.place, ':', 2) || '/' || b.item
                    )
                )
            )
        ORDER BY 1, 2
        """,
    )


async def reserved(connection: Connection) -> list[Drift]:
    """Lines that reserve another number of packs than are open. Split orders may reserve less, as stock is not kept
    everywhere. An order that has not begun is promised by its release."""
    return await drifts(
        connection,
        Check.RESERVED,
        f"""
        SELECT item, order_key || '/' || line AS where, packs AS written, open AS right_, {LOOKED_AT} AS waits
        FROM (
            SELECT p.order_key, p.line, p.item, sum(p.packs)::bigint AS packs,
                max(CASE WHEN l.item = p.item THEN {OPEN} ELSE 0 END) AS open,
                bool_or(coalesce(o.apart -> 'sources', '{{}}') <> '{{}}') AS elsewhere
            FROM peg p
            JOIN order_view o ON o.key = p.order_key
            JOIN order_line_view l USING (order_key, line)
            GROUP BY 1, 2, 3
            UNION ALL
            SELECT l.order_key, l.line, l.item, 0, l.ordered - l.cancelled, false
            FROM order_line_view l
            JOIN order_view o ON o.key = l.order_key
            JOIN stock_item s ON (s.item, s.site) = (l.item, o.site)
            JOIN order_promise g ON g.order_key = l.order_key
            WHERE l.ordered - l.cancelled > greatest(l.allocated, l.shipped)
                AND l.allocated = 0
                AND o.closed_at IS NULL
                AND NOT EXISTS (SELECT FROM peg p WHERE (p.order_key, p.line) = (l.order_key, l.line))
        ) x
        WHERE packs > open OR (packs < open AND NOT elsewhere)
        ORDER BY 1, 2
        """,
    )


async def oversold(connection: Connection) -> list[Drift]:
    """Item-sites and supplies of which more is reserved than there is, although every change was looked at."""
    found = await promising.oversold(connection)
    cursor = await connection.execute(
        "SELECT DISTINCT item FROM repromise WHERE item = ANY(%s)", (sorted({row["item"] for row in found}),)
    )
    waiting = {row["item"] for row in await cursor.fetchall()}
    return [
        Drift(
            check=Check.OVERSOLD,
            item=row["item"],
            where=f"{row['site']} {row['supply_key'] or 'stock'}",
            written=str(row["reserved"]),
            right=str(max(0, row["there"])),
            waits="its promises are being looked at" if row["item"] in waiting else "",
        )
        for row in found[:AT_MOST]
    ]


async def open_purchases(connection: Connection, after: str, limit: int, also: Iterable[str]) -> list[dict[str, Any]]:
    """(workflow_id, snapshot) of open purchase orders whose newest step kept one, by id; `also` those."""
    cursor = await connection.execute(
        """
        SELECT workflow_id, snapshot, version = snapshot_version AND snapshot IS NOT NULL AS kept
        FROM (
            (
                SELECT *
                FROM head
                WHERE NOT ended AND workflow_id > %(after)s AND starts_with(workflow_id, 'inbound/')
                ORDER BY workflow_id LIMIT %(limit)s
            )
            UNION
            SELECT * FROM head WHERE workflow_id = ANY(%(also)s)
        ) h
        ORDER BY workflow_id
        """,
        {"after": after, "limit": limit, "also": list(also)},
    )
    return await cursor.fetchall()


async def supply(connection: Connection, expected: Iterable[Supply]) -> list[Drift]:
    """Rows of supply that are not what purchase orders say: `expected` are all rows of some of them. Of one that is
    closed, nothing is expected."""
    rows = {it.key: it for it in expected}
    stems = sorted({SupplyKey.parse(key).stem for key in rows})
    cursor = await connection.execute(
        """
        SELECT s.key, s.item, s.packs
        FROM unnest(%s::text[]) x(stem)
        JOIN supply s ON s.key > x.stem || '/' AND s.key < x.stem || '0' AND starts_with(s.key, x.stem || '/')
        """,
        (stems,),
    )
    there = {row["key"]: row for row in await cursor.fetchall()}
    found = [
        Drift(
            check=Check.SUPPLY,
            item=(rows[key].item if key in rows else there[key]["item"]),
            where=key,
            written=str(written),
            right=str(right),
        )
        for key in sorted({*rows, *there})
        if (written := there[key]["packs"] if key in there else 0) != (right := rows[key].packs if key in rows else 0)
    ]
    over = await drifts(
        connection,
        Check.SUPPLY,
        """
        SELECT s.item, s.key AS where, s.packs AS written, 0 AS right_
        FROM supply s
        JOIN purchase_order p ON p.key = split_part(s.key, '/', 2) || '/po:' || split_part(s.key, '/', 3)
        WHERE s.packs > 0 AND starts_with(s.key, 'po/') AND p.closed_at IS NOT NULL
        ORDER BY 2
        """,
    )
    return [*found[:AT_MOST], *over]
