"""The data of the control tower's stock pages: item-sites, expected supply, reservations, movements.

Read-only. Open business is read by its indexes, the ledger from its newest end: no page walks through what is over.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from schemas.inventory.promising import REPLENISHMENT
from schemas.orders.release import OrderStatus
from store.engine import Connection
from store.inventory.stock import AT_SITE
from store.rows import rows

PLACES = 500
"""At most this many item-sites are ranked: first those where something is uncovered, then those with reservations."""
UNSENT = [str(status) for status in OrderStatus if status not in ("closed", "cancelled", "returned", "rejected")]
"""Statuses of orders that may still need packs."""
PICKED = "JOIN unnest(%(items)s::text[], %(sites)s::text[]) AS x(item, site) USING (item, site)"
OPEN = "l.ordered - l.cancelled - greatest(l.allocated, l.shipped)"
DEMAND = f"""
    SELECT l.item, o.site, l.promised_on AS day, {OPEN} AS packs
    FROM order_view o
    JOIN order_line_view l ON l.order_key = o.key
    WHERE o.status = ANY(%(unsent)s)
        AND o.closed_at IS NULL
        AND o.variant = 'distribution_centre'
        AND {OPEN} > 0
        AND NOT EXISTS (SELECT FROM peg p WHERE p.order_key = l.order_key AND p.line = l.line)
"""
"""Packs of open orders that nothing is reserved for; the same as in `store.inventory.promising.outlook`, found by open orders."""
MATCHING = "%(text)s = '' OR strpos(lower(s.item), %(text)s) > 0 OR strpos(lower(s.site), %(text)s) > 0"


@dataclass(frozen=True)
class Position:
    """An item at a site, in packs. `reserved` of stock, `held` of all. `in_transit` is the shipped part of
    `expected`, and `next_on` the day of its next arrival. `today` is that of the site."""

    item: str
    site: str
    on_hand: int
    allocated: int
    blocked: int
    returns: int
    reserved: int
    held: int
    expected: int
    in_transit: int
    next_on: date | None
    today: date

    @property
    def available(self) -> int:
        """Free to be promised now."""
        return self.on_hand - self.reserved


@dataclass(frozen=True)
class DayFlow:
    """Packs of an item-site on a day: `what` is on_hand, supply, reserved or demand, as `store.inventory.promising.outlook` has it."""

    item: str
    site: str
    what: str
    day: date | None
    packs: int


async def places(connection: Connection, text: str) -> list[tuple[str, str]]:
    """Item-sites whose item or site contains `text` (in small letters; empty: all). The order is by first day of
    shortage, then reserved packs, then name."""
    cursor = await connection.execute(
        f"""
        WITH held AS (
            SELECT p.item, p.site, sum(p.packs) AS packs,
                sum(p.packs) FILTER (WHERE supply_key = '') AS stock,
                min(p.due) FILTER (
                    WHERE supply_key = %(unnamed)s OR supply_key <> '' AND u.packs IS NULL
                ) AS due
            FROM peg p
            LEFT JOIN supply u ON u.key = p.supply_key AND u.packs > 0
            GROUP BY 1, 2
        ),
        asked AS (SELECT item, site, min(day) AS due FROM ({DEMAND}) d GROUP BY 1, 2),
        doubtful AS (
            SELECT item, site, h.packs,
                least(
                    h.due, a.due, CASE WHEN h.stock > coalesce(b.packs, 0) THEN DATE '0001-01-01' END
                ) AS due
            FROM held h
            FULL JOIN asked a USING (item, site)
            LEFT JOIN LATERAL (
                SELECT packs
                FROM stock_balance
                WHERE (item, place) = (h.item, 'on_hand:' || h.site)
            ) b ON h.stock > 0
        ),
        first AS (
            SELECT s.item, s.site, d.due, d.packs
            FROM doubtful d
            JOIN stock_item s USING (item, site)
            WHERE {MATCHING}
            ORDER BY d.due NULLS LAST, d.packs DESC, 1, 2 LIMIT %(limit)s
        ),
        other AS (
            SELECT s.item, s.site
            FROM stock_item s
            WHERE ({MATCHING}) AND NOT EXISTS (SELECT FROM first f WHERE (f.item, f.site) = (s.item, s.site))
            ORDER BY 1, 2 LIMIT %(limit)s
        )
        SELECT item, site
        FROM (SELECT item, site, due, packs FROM first UNION ALL SELECT item, site, NULL, 0 FROM other) x
        ORDER BY due NULLS LAST, packs DESC, item, site LIMIT %(limit)s
        """.encode(),
        {"text": text, "limit": PLACES, "unsent": UNSENT, "unnamed": REPLENISHMENT},
    )
    return [(row["item"], row["site"]) for row in await cursor.fetchall()]


async def positions(connection: Connection, pairs: Sequence[tuple[str, str]]) -> list[Position]:
    """The positions of these item-sites."""
    names = ", ".join(
        f"coalesce(max(b.packs) FILTER (WHERE b.bucket = '{name}'), 0)::bigint AS {name}" for name in AT_SITE
    )
    return await rows(
        connection,
        Position,
        f"""
        WITH x AS (SELECT * FROM unnest(%(items)s::text[], %(sites)s::text[]) AS x(item, site)),
        at AS (
            SELECT x.item, x.site, {names}
            FROM x
            CROSS JOIN unnest(%(buckets)s::text[]) AS k(bucket)
            LEFT JOIN LATERAL (
                SELECT k.bucket, packs
                FROM stock_balance
                WHERE (item, place) = (x.item, k.bucket || ':' || x.site)
            ) b ON true
            GROUP BY 1, 2
        )
        SELECT at.*, coalesce(h.reserved, 0)::bigint AS reserved, coalesce(h.held, 0)::bigint AS held,
            coalesce(u.expected, 0)::bigint AS expected, coalesce(u.in_transit, 0)::bigint AS in_transit,
            u.next_on, site_day(now(), at.site) AS today
        FROM at
        LEFT JOIN LATERAL (
            SELECT sum(packs) AS held, sum(packs) FILTER (WHERE supply_key = '') AS reserved
            FROM peg
            WHERE (item, site) = (at.item, at.site)
        ) h ON true
        LEFT JOIN LATERAL (
            SELECT sum(packs) AS expected, sum(packs) FILTER (WHERE shipment <> '') AS in_transit,
                min(day) AS next_on
            FROM supply
            WHERE (item, site) = (at.item, at.site) AND packs > 0
        ) u ON true
        """,
        _of(pairs),
    )


async def flows(connection: Connection, pairs: Sequence[tuple[str, str]]) -> list[DayFlow]:
    """Arrivals at these item-sites and departures, by day."""
    return await rows(
        connection,
        DayFlow,
        f"""
        SELECT item, site, 'on_hand' AS what, NULL::date AS day, packs
        FROM stock_balance b
        JOIN (
            SELECT item, site, 'on_hand:' || site AS place
            FROM unnest(%(items)s::text[], %(sites)s::text[]) AS x(item, site)
        ) x USING (item, place)
        UNION ALL
        SELECT item, site, 'supply', day, sum(packs)::bigint
        FROM supply
        {PICKED}
        WHERE packs > 0
        GROUP BY 1, 2, 4
        UNION ALL
        SELECT p.item, p.site, 'reserved',
            CASE
                WHEN p.supply_key = ''
                    OR (u.key IS NULL AND p.due < site_day(now(), p.site)) THEN DATE '0001-01-01'
                ELSE coalesce(u.day, p.due)
            END,
            sum(p.packs)::bigint
        FROM (SELECT * FROM peg {PICKED}) p
        LEFT JOIN supply u ON u.key = p.supply_key
        GROUP BY 1, 2, 4
        UNION ALL
        SELECT item, site, 'demand', day, sum(packs)::bigint
        FROM ({DEMAND}) d
        {PICKED}
        GROUP BY 1, 2, 4
        """,
        _of(pairs),
    )


def _of(pairs: Sequence[tuple[str, str]]) -> dict[str, Any]:
    items, sites = [item for item, _ in pairs], [site for _, site in pairs]
    return {"items": items, "sites": sites, "unsent": UNSENT, "buckets": [str(bucket) for bucket in AT_SITE]}
