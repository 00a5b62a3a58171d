"""Sums of the stock ledger by receiving system, carried forward: a comparison costs the same however long history is.

`stock_carried` holds the sums of all movements up to a moment (`stock_carried_mark`). Later bookings are added when
they are read.
"""

from datetime import timedelta

from schemas.inventory.stock import Figure
from store.engine import Connection

LAG = timedelta(hours=1)
"""Younger entries are not carried: their transaction may not have ended, and a transaction ends within minutes."""
AT_ONCE = 100_000
"""Movements that one call carries: some seconds of the database, for a ledger that was never carried."""
BOOKED = """
    SELECT
        CASE m.source
            WHEN 'inventory' THEN 'inventory'
            ELSE 'erp:' || split_part(m.ref, '/', 1)
        END AS scope,
        e.item, e.place, e.packs
    FROM stock_move m
    JOIN stock_entry e ON e.move_key = m.key
    WHERE {booked}
        AND (
            split_part(e.place, ':', 1) IN ('on_hand', 'allocated', 'returns', 'blocked')
            OR (e.place LIKE 'transit:%%' AND m.source <> 'purchase')
        )
    UNION ALL
    SELECT 'transit', e.item, 'in_transit:' || coalesce(o.site, p.site), e.packs
    FROM stock_move m
    JOIN stock_entry e ON e.move_key = m.key
    LEFT JOIN order_view o ON o.key = m.ref
    LEFT JOIN purchase_order p ON p.key = m.ref
    WHERE {booked} AND e.place LIKE 'transit:%%' AND coalesce(o.site, p.site) IS NOT NULL
"""
"""(scope, item, place, packs). `erp:<erp>`: what orders and purchases of an ERP moved at sites, and to customers.
`inventory`: what moved beside orders. `transit`: under way to or from a site, as planning keeps it."""
SINCE = "m.booked_at > (SELECT upto FROM stock_carried_mark)"
SUMS = f"""
    SELECT scope, item, place, packs FROM stock_carried
    UNION ALL
    SELECT * FROM ({BOOKED.format(booked=SINCE)}) young
"""
CARRY = f"""
    INSERT INTO stock_carried AS c (scope, item, place, packs)
    SELECT scope, item, place, sum(packs)::bigint
    FROM ({BOOKED.format(booked=f"{SINCE} AND m.booked_at <= %(upto)s")}) grown
    GROUP BY 1, 2, 3
    ON CONFLICT (scope, item, place) DO UPDATE
    SET packs = c.packs + excluded.packs
"""
UPTO = """
    SELECT coalesce(
        (
            SELECT booked_at
            FROM stock_move
            WHERE booked_at > (SELECT upto FROM stock_carried_mark)
                AND booked_at <= clock_timestamp() - %(lag)s::interval
            ORDER BY booked_at OFFSET %(most)s LIMIT 1
        ),
        clock_timestamp() - %(lag)s::interval
    ) AS upto
"""


async def forward(connection: Connection, lag: timedelta = LAG) -> None:
    """Carry what was booked at least `lag` ago, as far as one call goes. Nothing while somebody else carries: a first call
    may take longer than a statement may wait."""
    held = await connection.execute("SELECT FROM stock_carried_mark FOR UPDATE SKIP LOCKED")
    if not held.rowcount:
        return
    cursor = await connection.execute(UPTO, {"lag": lag, "most": AT_ONCE})
    [row] = await cursor.fetchall()
    await connection.execute(CARRY.encode(), row)
    await connection.execute("UPDATE stock_carried_mark SET upto = %(upto)s WHERE upto < %(upto)s", row)
    await connection.execute("DELETE FROM stock_carried WHERE packs = 0")


async def of_erp(connection: Connection, erp: str, owned: list[str]) -> list[Figure]:
    """The packs that an ERP should have. They are those of its orders and purchases at sites, and those in transit to
    its customers. Other movements count at sites whose stock it owns. It never learns of goods in transit to a site."""
    cursor = await connection.execute(
        f"""
        SELECT item, place, sum(packs)::bigint AS packs
        FROM ({SUMS}) x
        WHERE scope = 'erp:' || %(erp)s
            OR (scope = 'inventory' AND split_part(place, ':', 2) = ANY(%(owned)s))
        GROUP BY 1, 2
        HAVING sum(packs) <> 0
        """.encode(),
        {"erp": erp, "owned": owned},
    )
    return [Figure.model_validate(row) for row in await cursor.fetchall()]


async def under_way(connection: Connection, region: str) -> list[Figure]:
    """`in_transit:<site>` of the sites in the feed of a region, as planning keeps it."""
    cursor = await connection.execute(
        f"""
        SELECT item, place, sum(packs)::bigint AS packs
        FROM ({SUMS}) x
        JOIN planning_site k ON k.region = %(region)s AND x.place = 'in_transit:' || k.site
        WHERE scope = 'transit'
        GROUP BY 1, 2
        HAVING sum(packs) <> 0
        """.encode(),
        {"region": region},
    )
    return [Figure.model_validate(row) for row in await cursor.fetchall()]
