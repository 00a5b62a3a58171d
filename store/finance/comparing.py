"""Our side of a comparison with a system, and packs in transit between its books and ours.

One transaction writes a movement and the report of it, so both bear the same time. An unsent report therefore leads to
its packs.
"""

from collections.abc import Iterable
from typing import Any

from schemas.base import System
from schemas.finance.reconciliation import ReconcileRun
from schemas.inventory.stock import Figure
from store.engine import Connection
from store.finance import carried

BOOKED_WITH = """
    SELECT x.by, e.item, e.place, e.packs
    FROM (
        SELECT m.key, min(owed.key) AS by
        FROM ({owed}) owed
        JOIN stock_move m ON m.ref = owed.order_key AND m.booked_at = owed.planned_at
        GROUP BY 1
    ) x
    JOIN stock_entry e ON e.move_key = x.key
"""
OWED_TO_ERP = """
    SELECT key, order_key, planned_at
    FROM effect
    WHERE system = 'erp' AND outcome IN ('planned', 'failed') AND starts_with(order_key, %(target)s || '/')
"""
UNREPORTED = {
    System.ERP: f"""
        {BOOKED_WITH.format(owed=OWED_TO_ERP)}
        UNION ALL
        SELECT f.key, f.body->>'item', p.bucket || ':' || (f.body->>'site'), p.packs::bigint
        FROM erp_feed f,
            LATERAL (
                VALUES ('on_hand', f.body->>'on_hand'), ('blocked', f.body->>'blocked')
            ) AS p(bucket, packs)
        WHERE f.erp = %(target)s AND f.kind = 'stock' AND f.sent_at IS NULL AND coalesce(p.packs, '0') <> '0'
    """,
    System.PLANNING: """
        SELECT key AS by, item, substr(kind, 7) || ':' || site AS place, packs
        FROM planning_delta
        WHERE sent_at IS NULL AND region = %(target)s AND starts_with(kind, 'stock:')
    """,
}
"""(by, item, place, packs) that a system has not received, or not confirmed."""
AT_SITE = "('on_hand', 'allocated', 'returns', 'blocked')"


async def targets(connection: Connection) -> list[ReconcileRun]:
    """Systems to compare with: each site's warehouse, each ERP, each region's planning and transport desk, carriers
    with invoices."""
    cursor = await connection.execute(
        f"""
        SELECT 'erp' AS system, erp AS target FROM order_view
        UNION
        SELECT 'erp', erp FROM purchase_order
        UNION
        SELECT 'wms', site FROM order_view WHERE variant = 'distribution_centre'
        UNION
        SELECT 'wms', split_part(place, ':', 2)
        FROM stock_balance
        WHERE split_part(place, ':', 1) IN {AT_SITE}
        UNION
        SELECT 'freight', split_part(ref, '/', 1) FROM freight_move WHERE digest <> ''
        UNION
        SELECT 'tms', region FROM order_view
        UNION
        SELECT 'planning', region FROM order_view
        UNION
        SELECT 'planning', region FROM planning_site ORDER BY 1, 2
        """.encode()
    )
    return [ReconcileRun.model_validate(row) for row in await cursor.fetchall()]


async def _figures(connection: Connection, query: str, **params: Any) -> list[Figure]:
    cursor = await connection.execute(query.encode(), params)
    return [Figure.model_validate(row) for row in await cursor.fetchall()]


async def figures_of_site(connection: Connection, site: str) -> list[Figure]:
    """Our balances at a site."""
    return await _figures(
        connection,
        f"""
        SELECT item, place, packs
        FROM stock_balance
        WHERE packs <> 0 AND split_part(place, ':', 2) = %(site)s AND split_part(place, ':', 1) IN {AT_SITE}
        """,
        site=site,
    )


async def figures_of_region(connection: Connection, region: str) -> list[Figure]:
    """Our balances at the sites in the feed of a region, and `in_transit:<site>`, as planning keeps it."""
    balances = await _figures(
        connection,
        f"""
        SELECT b.item, b.place, b.packs
        FROM stock_balance b
        JOIN planning_site k ON k.region = %(region)s AND k.site = split_part(b.place, ':', 2)
        WHERE b.packs <> 0 AND split_part(b.place, ':', 1) IN {AT_SITE}
        """,
        region=region,
    )
    return [*balances, *await carried.under_way(connection, region)]


async def _names(connection: Connection, query: str, *params: str) -> frozenset[str]:
    cursor = await connection.execute(query.encode(), params)
    return frozenset(row["name"] for row in await cursor.fetchall())


async def sites(connection: Connection) -> frozenset[str]:
    """Every site that has or had stock."""
    return await _names(
        connection,
        f"""
        SELECT DISTINCT split_part(place, ':', 2) AS name
        FROM stock_balance
        WHERE split_part(place, ':', 1) IN {AT_SITE}
        """,
    )


async def sites_of(connection: Connection, region: str) -> frozenset[str]:
    """The sites in the feed of a region."""
    return await _names(connection, "SELECT site AS name FROM planning_site WHERE region = %s", region)


async def inbound(connection: Connection) -> frozenset[str]:
    """The places of shipments that bring purchases."""
    return await _names(connection, "SELECT DISTINCT 'transit:' || shipment AS name FROM inbound_shipment")


async def unreported(connection: Connection, run: ReconcileRun) -> list[dict[str, Any]]:
    """(by, item, place, packs) of movements that the system has not received."""
    if run.system not in UNREPORTED:
        return []
    cursor = await connection.execute(UNREPORTED[System(run.system)].encode(), {"target": run.target})
    return await cursor.fetchall()


async def unplaced(connection: Connection, partner: str, limit: int = 200) -> list[dict[str, Any]]:
    """(id, state, raw) of messages of a partner that have moved none of our books yet, the oldest first. They hold some
    packs of few items: a system with more than the limit waiting has another case."""
    cursor = await connection.execute(
        """
        SELECT m.id, m.state, m.raw
        FROM inbox_message m
        WHERE m.partner = %(partner)s
            AND (
                m.state IN ('received', 'quarantined')
                OR (
                    m.state = 'routed'
                    AND EXISTS (
                        SELECT
                        FROM event e
                        JOIN event_order o ON o.event = e.id
                        WHERE e.inbox_id = m.id AND o.state = 'pending'
                    )
                )
            )
        ORDER BY m.id LIMIT %(limit)s
        """,
        {"partner": partner, "limit": limit},
    )
    return await cursor.fetchall()


async def items_of(connection: Connection, numbers: Iterable[str]) -> list[dict[str, Any]]:
    """(number, line, item, open) of the lines of orders and purchase orders with these numbers, those of purchase orders
    under `po:<number>`. `open`: packs that are still to leave, or to come."""
    cursor = await connection.execute(
        """
        SELECT o.number, l.line, l.item, l.ordered - l.cancelled - l.shipped AS open
        FROM order_view o
        JOIN order_line_view l ON l.order_key = o.key
        WHERE o.number = ANY(%(numbers)s)
        UNION ALL
        SELECT 'po:' || p.number, l.line, l.item, greatest(0, l.ordered - l.received)
        FROM purchase_order p
        JOIN purchase_line l ON l.order_key = p.key
        WHERE 'po:' || p.number = ANY(%(numbers)s)
            AND p.number = ANY(SELECT substr(x, 4) FROM unnest(%(numbers)s::text[]) x)
        """,
        {"numbers": sorted(set(numbers))},
    )
    return await cursor.fetchall()


async def moved(
    connection: Connection, items: Iterable[str], settle_s: float, limit: int = 2000
) -> list[dict[str, Any]]:
    """(key, item, place, packs, young) of the newest movements of items; `young` when booked within `settle_s`."""
    cursor = await connection.execute(
        """
        SELECT m.key, e.item, e.place, e.packs,
            m.booked_at > clock_timestamp() - make_interval(secs => %s) AS young
        FROM stock_entry e
        JOIN stock_move m ON m.key = e.move_key
        WHERE e.item = ANY(%s)
        ORDER BY m.booked_at DESC LIMIT %s
        """,
        (settle_s, list(items), limit),
    )
    return await cursor.fetchall()


async def known_items(connection: Connection, items: Iterable[str]) -> frozenset[str]:
    """The orders that our ledger has ever seen."""
    cursor = await connection.execute(
        """
        SELECT DISTINCT item
        FROM stock_balance
        WHERE item = ANY(%s)
        """,
        (list(items),),
    )
    return frozenset(row["item"] for row in await cursor.fetchall())
