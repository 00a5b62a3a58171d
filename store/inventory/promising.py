"""Order promising in the database: what is free under lock, what was promised, what is reserved, and figures of it.

Packs are promised under the locks of their item-sites, always taken in the order of item and site.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from psycopg.types.json import Jsonb

from schemas.inventory.promising import REPLENISHMENT, STOCK, Given, Reservation, Source, Terms
from store.batches import RowBatch
from store.engine import Connection
from store.rows import rows

OrderReservation = tuple[str, int, Reservation]
"""(order, priority, peg)."""
RESERVATIONS = RowBatch[OrderReservation](
    order_key=("text", lambda it: it[0]),
    line=("int", lambda it: it[2].line),
    site=("text", lambda it: it[2].site),
    supply_key=("text", lambda it: it[2].supply),
    item=("text", lambda it: it[2].item),
    packs=("bigint", lambda it: it[2].packs),
    due=("date", lambda it: it[2].due),
    day=("date", lambda it: it[2].day),
    wanted_on=("date", lambda it: it[2].wanted_on),
    late=("bool", lambda it: it[2].late),
    priority=("int", lambda it: it[1]),
)
FREE = """
    WITH wanted AS (
        SELECT item, site
        FROM stock_item
        JOIN unnest(%(items)s::text[], %(sites)s::text[]) AS x(item, site) USING (item, site)
    ),
    pegged AS (
        SELECT p.item, p.site, p.supply_key, sum(p.packs) AS packs
        FROM peg p
        JOIN wanted USING (item, site)
        WHERE p.supply_key <> %(unnamed)s
        GROUP BY 1, 2, 3
    ),
    coming AS (
        SELECT u.key, u.item, u.site, u.ref, u.day, u.packs - coalesce(p.packs, 0) AS free
        FROM wanted
        JOIN supply u USING (item, site)
        LEFT JOIN pegged p ON p.item = u.item AND p.site = u.site AND p.supply_key = u.key
        WHERE u.packs > 0 OR p.packs > 0
    )
    SELECT w.item, w.site, '' AS supply, '' AS ref, DATE '0001-01-01' AS due,
        (
            coalesce(
                (
                    SELECT b.packs
                    FROM stock_balance b
                    WHERE b.item = w.item AND b.place = 'on_hand:' || w.site
                ),
                0
            ) - coalesce(
                (
                    SELECT p.packs
                    FROM pegged p
                    WHERE p.item = w.item AND p.site = w.site AND p.supply_key = ''
                ),
                0
            ) + coalesce(
                (SELECT sum(least(c.free, 0)) FROM coming c WHERE c.item = w.item AND c.site = w.site), 0
            )
        )::bigint AS packs
    FROM wanted w
    UNION ALL
    SELECT item, site, key, ref, day, free::bigint
    FROM coming
    WHERE free > 0
    ORDER BY 1, 2, 5, 3
"""
"""Free packs of stock and of each supply. Stock: on hand, less its reservations, less reservations beyond what
supplies still bring. One statement, so that all figures are of one moment."""

RESERVED = """
    SELECT l.line, l.promised_on, greatest(l.allocated, l.shipped) AS taken, o.site AS own_site,
        EXISTS (SELECT FROM stock_item s WHERE (s.item, s.site) = (l.item, o.site)) AS managed,
        coalesce(p.site, '') AS site, coalesce(p.supply_key, '') AS supply, coalesce(u.ref, '') AS ref,
        coalesce(p.packs, 0) AS packs, coalesce(p.due, l.promised_on) AS due,
        coalesce(u.day, p.due, l.promised_on) AS since
    FROM order_view o
    JOIN order_promise g ON g.order_key = o.key
    JOIN order_line_view l ON l.order_key = o.key
    LEFT JOIN peg p ON (p.order_key, p.line) = (l.order_key, l.line)
    LEFT JOIN supply u ON u.key = p.supply_key
    WHERE o.key = %s AND o.closed_at IS NULL AND o.promise_reason = ANY(g.said) AND l.ordered > l.cancelled
    ORDER BY l.line, p.due, p.site, p.supply_key
"""
"""The present holdings of an open order, where the words of its promise are promising's own."""

OPEN = "(l.ordered - l.cancelled - l.shipped)"
"""Packs of a line that are still to leave."""
OF_ORDERS = """
    FROM order_line_view l
    JOIN order_view o ON o.key = l.order_key
    WHERE l.item = %(item)s
        AND l.ordered - l.cancelled > l.shipped
        AND o.closed_at IS NULL
        AND o.variant = 'distribution_centre'
        AND (%(site)s::text IS NULL OR o.site = %(site)s)
"""
"""Lines of which something is still to leave a site: the condition is that of the index `order_line_open`."""


async def lock(
    connection: Connection, items: Iterable[str], sites: Sequence[str] | None = None
) -> list[tuple[str, str]]:
    """Nobody else promises these items at these sites, or at any, until the transaction ends. Returns the (item, site)
    that are locked: one of which stock becomes known only now is not among them."""
    at = None if sites is None else list(sites)
    cursor = await connection.execute(
        """
        SELECT item, site
        FROM stock_item
        WHERE item = ANY(%s) AND (%s::text[] IS NULL OR site = ANY(%s))
        ORDER BY item, site
        FOR UPDATE
        """,
        (sorted(set(items)), at, at),
    )
    return [(row["item"], row["site"]) for row in await cursor.fetchall()]


async def free(connection: Connection, places: Iterable[tuple[str, str]]) -> list[Source]:
    """Availability at these (item, site); of one that is stock-managed, its stock at least. A caller that means to
    reserve names those that it has locked, and no others."""
    pairs = sorted(set(places))
    cursor = await connection.execute(
        FREE,
        {"items": [item for item, _ in pairs], "sites": [site for _, site in pairs], "unnamed": REPLENISHMENT},
    )
    return [Source.model_validate(row) for row in await cursor.fetchall()]


async def given(connection: Connection, order_key: str) -> tuple[Given | None, bool]:
    """The promise that an order was given, and whether it may still be given one: only before its workflow has begun.

    Locks the order, so that of two who would give it a promise the second finds that of the first. Raises LookupError.
    """
    cursor = await connection.execute(
        """
        SELECT status
        FROM order_view
        WHERE key = %s
        FOR NO KEY UPDATE
        """,
        (order_key,),
    )
    order = await cursor.fetchone()
    if order is None:
        raise LookupError(order_key)
    cursor = await connection.execute("SELECT given FROM order_promise WHERE order_key = %s", (order_key,))
    row = await cursor.fetchone()
    return (Given.model_validate(row["given"]) if row else None), order["status"] == "released"


async def give(
    connection: Connection, order_key: str, promise: Given, terms: Terms, reservations: Sequence[Reservation]
) -> None:
    """Keep a first promise with what it reserves."""
    told = {str(it.line): it.promised_on.isoformat() for it in promise.promise.lines}
    await connection.execute(
        """
        INSERT INTO order_promise (order_key, given, terms, told, said)
        VALUES (%s, %s, %s, %s, ARRAY[%s]::text[])
        """,
        (
            order_key,
            Jsonb(promise.model_dump(mode="json")),
            Jsonb(terms.model_dump(mode="json")),
            Jsonb(told),
            promise.promise.reason,
        ),
    )
    await reserve(connection, [(order_key, terms.priority, it) for it in reservations])


async def reserve(connection: Connection, reservations: Sequence[OrderReservation]) -> None:
    """Add reservations."""
    if not reservations:
        return
    await connection.execute(
        f"INSERT INTO peg ({RESERVATIONS.names}) SELECT * FROM {RESERVATIONS.rows}".encode(),
        RESERVATIONS.arrays(reservations),
    )


async def release(connection: Connection, lines: Iterable[tuple[str, int]]) -> None:
    """Take back the reservations of these lines: (order, line)."""
    known = list(lines)
    await connection.execute(
        "DELETE FROM peg WHERE (order_key, line) IN (SELECT * FROM unnest(%s::text[], %s::int[]))",
        ([order for order, _ in known], [line for _, line in known]),
    )


OUTLOOK = f"""
    SELECT s.site, 'on_hand' AS what, NULL::date AS day, coalesce(b.packs, 0)::bigint AS packs
    FROM stock_item s
    LEFT JOIN stock_balance b ON b.item = s.item AND b.place = 'on_hand:' || s.site
    WHERE s.item = %(item)s AND (%(site)s::text IS NULL OR s.site = %(site)s)
    UNION ALL
    SELECT site, 'supply', day, sum(packs)::bigint
    FROM supply
    WHERE item = %(item)s AND packs > 0 AND (%(site)s::text IS NULL OR site = %(site)s)
    GROUP BY 1, 3
    UNION ALL
    SELECT site, 'in_transit', day, sum(packs)::bigint
    FROM supply
    WHERE item = %(item)s AND packs > 0 AND shipment <> '' AND (%(site)s::text IS NULL OR site = %(site)s)
    GROUP BY 1, 3
    UNION ALL
    SELECT p.site, 'reserved',
        CASE
            WHEN p.supply_key = ''
                OR (u.key IS NULL AND p.due < site_day(now(), p.site)) THEN DATE '0001-01-01'
            ELSE coalesce(u.day, p.due)
        END,
        sum(p.packs)::bigint
    FROM peg p
    LEFT JOIN supply u ON u.key = p.supply_key
    WHERE p.item = %(item)s AND (%(site)s::text IS NULL OR p.site = %(site)s)
    GROUP BY 1, 3
    UNION ALL
    SELECT o.site, 'demand', l.promised_on,
        sum({OPEN} - greatest(l.allocated - l.shipped, 0))::bigint
    {OF_ORDERS}
        AND {OPEN} > greatest(l.allocated - l.shipped, 0)
        AND NOT EXISTS (SELECT FROM peg p WHERE p.order_key = l.order_key AND p.line = l.line)
    GROUP BY 1, 3
    UNION ALL
    SELECT o.site, 'leaving',
        l.promised_on - coalesce(
            (SELECT (g.terms ->> 'lead_days')::int FROM order_promise g WHERE g.order_key = o.key), 0
        ),
        sum({OPEN})::bigint
    {OF_ORDERS}
    GROUP BY 1, 3
"""


@dataclass(frozen=True)
class SiteFlow:
    """Packs of an item that come to a site, or leave it, on a day."""

    site: str
    what: str
    day: date | None
    packs: int


async def outlook(connection: Connection, item: str, site: str | None) -> list[SiteFlow]:
    """Packs of an item that come and leave, netted by day. `on_hand` has no day; `supply` includes what is
    `in_transit`; `reserved` and unreserved `demand` follow.

    `leaving` is all that goes to orders, reserved or not, by its latest day. Reserved stock and overdue replenishment
    have fallen due already. One statement, so that all figures are of one moment.
    """
    return await rows(connection, SiteFlow, OUTLOOK, {"item": item, "site": site})


async def oversold(connection: Connection, item: str | None = None) -> list[dict[str, Any]]:
    """Item-sites and supplies, of an item or of all, of which more is reserved than there is; nothing, once every change
    was looked at."""
    cursor = await connection.execute(
        """
        SELECT p.item, p.site, p.supply_key, sum(p.packs)::bigint AS reserved,
            coalesce(max(u.packs), max(b.packs), 0) AS there
        FROM peg p
        LEFT JOIN supply u ON (u.key, u.item, u.site) = (p.supply_key, p.item, p.site)
        LEFT JOIN stock_balance b ON p.supply_key = %s AND (b.item, b.place) = (p.item, 'on_hand:' || p.site)
        WHERE p.supply_key <> %s AND (%s::text IS NULL OR p.item = %s)
        GROUP BY 1, 2, 3
        HAVING sum(p.packs) > coalesce(max(u.packs), max(b.packs), 0)
        """,
        (STOCK, REPLENISHMENT, item, item),
    )
    return await cursor.fetchall()


def peg_of(row: dict[str, Any]) -> Reservation:
    """A row of the table."""
    return Reservation.model_validate({**row, "supply": row["supply_key"]})


def promised_days(row: dict[str, Any]) -> dict[int, date]:
    """The last sent day of each line."""
    return {int(line): date.fromisoformat(day) for line, day in row["told"].items()}
