"""The balance sheet across the four systems: packs of each item, and what they are worth, as each system has them.

A system's figure is ours and what the last comparison with it found: so it is as old as that comparison.
"""

from typing import Any

from schemas.base import System
from store.engine import Connection

SYSTEMS = (System.ERP, System.WMS, System.PLANNING)


def _theirs(system: str) -> str:
    """SQL: what a system has at a place: ours, unless it differs. A warehouse keeps what is at its site only, planning what
    is on the way by site: so neither has a figure of a shipment."""
    keeps = "k.place LIKE 'site:%'" if system in (System.WMS, System.PLANNING) else "true"
    return (
        f"coalesce((SELECT d.theirs FROM differ d WHERE d.system = '{system}' AND (d.item, d.place) = (k.item, k.place)), "
        f"CASE WHEN {keeps} AND EXISTS (SELECT FROM compared WHERE system = '{system}') THEN coalesce(o.packs, 0) END) "
        f"AS {system}"
    )


async def sheet(connection: Connection) -> list[dict[str, Any]]:
    """(item, place, ours, erp, wms, planning, value, currency, explained_by) of each item and site or shipment.

    `place` is `site:<site>` or `transit:<shipment>`, or `in_transit:<site>` where planning differs. A system's figure is
    None when it keeps no such place, or no comparison with it has ended well. `value`: what our packs are worth, at the
    value in the order with the highest number; 0 when nobody has said what the item is worth.
    """
    cursor = await connection.execute(
        (
            "WITH ours AS (SELECT item, CASE split_part(place, ':', 1) WHEN 'transit' THEN place ELSE 'site:' || "
            "split_part(place, ':', 2) END AS place, sum(packs)::bigint AS packs FROM stock_balance WHERE "
            "split_part(place, ':', 1) IN ('on_hand', 'allocated', 'returns', 'blocked', 'transit') GROUP BY 1, 2 "
            "HAVING sum(packs) <> 0), differ AS (SELECT item, place, system, max(coalesce(nullif(theirs, ''), '0')::bigint) "
            "AS theirs, string_agg(DISTINCT nullif(explained_by, ''), ', ') AS explained_by FROM difference "
            "WHERE closed_at IS NULL AND about = 'stock' GROUP BY 1, 2, 3), compared AS (SELECT DISTINCT system FROM "
            "reconciliation_run WHERE finished_at IS NOT NULL AND error IS NULL), worth AS (SELECT DISTINCT ON (item) item, "
            "value, currency FROM unit_value ORDER BY item, ref DESC) SELECT k.item, k.place, coalesce(o.packs, 0) AS ours, "
            + ", ".join(_theirs(system) for system in SYSTEMS)
            + ", coalesce(o.packs, 0) * coalesce(w.value, 0) AS value, coalesce(w.currency, '') AS currency, "
            "(SELECT string_agg(DISTINCT d.explained_by, ', ') FROM differ d WHERE (d.item, d.place) = (k.item, k.place)) "
            "AS explained_by FROM (SELECT item, place FROM ours UNION SELECT item, place FROM differ) k "
            "LEFT JOIN ours o USING (item, place) LEFT JOIN worth w USING (item) ORDER BY 1, 2"
        ).encode()
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
