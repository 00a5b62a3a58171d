"""The balance sheet across the four systems: packs of each item, and what they are worth, as each system has them.

A system's figure is ours and what the last comparison with it found: so it is as old as that comparison.
"""

from typing import Any

from store.engine import Connection

SYSTEMS = ("erp", "wms", "planning")


async def sheet(connection: Connection) -> list[dict[str, Any]]:
    """(item, place, ours, erp, wms, planning, value, currency, explained_by) of each item and site or shipment.

    `place` is `site:<site>` or `transit:<shipment>`; a system's figure is None when no comparison with it has ended
    well. `value`: what our packs are worth, at the value in the order with the highest
    number; 0 when nobody has said what the item is worth.
    """
    cursor = await connection.execute(
        "WITH ours AS (SELECT item, CASE split_part(place, ':', 1) WHEN 'transit' THEN place ELSE 'site:' || "
        "split_part(place, ':', 2) END AS place, sum(packs)::bigint AS packs FROM stock_balance WHERE "
        "split_part(place, ':', 1) IN ('on_hand', 'allocated', 'returns', 'blocked', 'transit') GROUP BY 1, 2 "
        "HAVING sum(packs) <> 0), differ AS (SELECT item, place, system, coalesce(nullif(theirs, ''), '0')::bigint AS "
        "packs, explained_by FROM difference WHERE closed_at IS NULL AND about = 'stock'), compared AS (SELECT DISTINCT "
        "system FROM reconciliation_run WHERE finished_at IS NOT NULL AND error IS NULL) "
        "SELECT k.item, k.place, coalesce(o.packs, 0) AS ours, "
        + ", ".join(
            f"CASE WHEN EXISTS (SELECT FROM compared WHERE system = '{s}') THEN coalesce((SELECT max(packs) FROM differ d "
            f"WHERE d.system = '{s}' AND d.item = k.item AND d.place = k.place), o.packs, 0) END AS {s}"
            for s in SYSTEMS
        )
        + ", coalesce(o.packs, 0) * coalesce(v.value, 0) AS value, coalesce(v.currency, '') AS currency, "
        "(SELECT string_agg(DISTINCT d.explained_by, ', ') FROM differ d WHERE d.item = k.item AND d.place = k.place AND d.explained_by <> '') AS explained_by FROM (SELECT item, place FROM ours UNION SELECT item, "
        "place FROM differ) k LEFT JOIN ours o USING (item, place) LEFT JOIN (SELECT DISTINCT ON (item) item, value, currency "
        "FROM unit_value ORDER BY item, ref DESC) v USING (item) ORDER BY 1, 2"
    )
    return await cursor.fetchall()


async def balance(connection: Connection) -> dict[str, int]:
    """How many items were compared, how many differences there are now, and how many of them are explained."""
    cursor = await connection.execute(
        "SELECT (SELECT count(DISTINCT item) FROM stock_balance)::int AS items, count(*)::int AS differences, "
        "count(*) FILTER (WHERE explained_by <> '')::int AS explained FROM difference WHERE closed_at IS NULL "
        "AND about <> 'message'"
    )
    [row] = await cursor.fetchall()
    return row
