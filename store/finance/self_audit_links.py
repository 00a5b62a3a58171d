"""The audit of our own books: shipments that carry goods, or were reported, and are not linked to their order."""

from schemas.finance.self_audit import Check, Drift
from store.engine import Connection
from store.finance.self_audit import drifts

GOODS = ["allocated", "picked", "packed", "shipped", "in_transit", "out_for_delivery", "delivered"]
"""Milestones that link their shipment to their order."""


async def carried(connection: Connection) -> list[Drift]:
    """Goods on the road in a shipment that is not linked to the order whose they are."""
    return await drifts(
        connection,
        Check.LINK,
        """
        SELECT min(item) AS item, shipment || ' ' || ref AS where, 'no link' AS written, 'linked' AS right_
        FROM (
            SELECT b.item, substr(b.place, 9) AS shipment, m.ref
            FROM stock_balance b
            JOIN stock_entry e ON (e.item, e.place) = (b.item, b.place)
            JOIN stock_move m ON m.key = e.move_key
            WHERE b.place LIKE 'transit:%%' AND b.packs <> 0
            GROUP BY 1, 2, 3
            HAVING sum(e.packs) <> 0
        ) c
        WHERE NOT EXISTS (SELECT FROM shipment_order s WHERE (s.shipment, s.order_key) = (c.shipment, c.ref))
            AND NOT EXISTS (
                SELECT
                FROM inbound_shipment i
                WHERE (i.shipment, i.order_key) = (c.shipment, c.ref)
            )
            AND EXISTS (
                SELECT FROM order_view o WHERE o.key = c.ref AND o.number <> c.shipment
                UNION ALL
                SELECT FROM purchase_order p WHERE p.key = c.ref
            )
        GROUP BY shipment, ref
        ORDER BY 2
        """,
    )


async def reported(connection: Connection, after: str, upto: str, also: list[str]) -> list[Drift]:
    """Shipments that were reported on open orders behind `after`, up to `upto` if that is said, and are not linked; `also`
    those orders."""
    return await drifts(
        connection,
        Check.LINK,
        """
        SELECT DISTINCT '' AS item, e.shipment || ' ' || o.key AS where, 'no link' AS written,
            'linked' AS right_
        FROM order_view o
        JOIN event_order x ON x.order_key = o.key
        JOIN event e ON e.id = x.event
        WHERE o.closed_at IS NULL
            AND (o.key = ANY(%(also)s) OR o.key > %(after)s AND (%(upto)s::text = '' OR o.key <= %(upto)s))
            AND x.state = 'applied'
            AND e.kind = ANY(%(goods)s)
            AND e.shipment <> ''
            AND NOT EXISTS (
                SELECT
                FROM shipment_order s
                WHERE (s.shipment, s.order_key) = (e.shipment, o.key)
            )
        ORDER BY 2
        """,
        after=after,
        upto=upto,
        also=also,
        goods=GOODS,
    )


async def open_order(connection: Connection, after: str, limit: int) -> str:
    """The open order that is the last of the next window; empty: the window goes to the end."""
    cursor = await connection.execute(
        "SELECT key FROM order_view WHERE closed_at IS NULL AND key > %s ORDER BY key OFFSET %s LIMIT 1",
        (after, limit - 1),
    )
    row = await cursor.fetchone()
    return str(row["key"]) if row else ""
