"""The balance sheet across the four systems: packs of each item, and what they are worth, as each system has them.

A system's figure is ours and what the last comparison with it found: so it is as old as that comparison.
"""

from datetime import datetime
from typing import Any

from schemas.base import System
from store.engine import Connection
from store.finance import valuation

SYSTEMS = (System.ERP, System.WMS, System.PLANNING)
"""Systems that keep books of packs; transport keeps none."""


def _theirs(system: str) -> str:
    """SQL: a system's packs at a place, which are ours unless it differs. Warehouses keep only places of their site,
    and planning keeps transit by site, so neither has a figure of a shipment."""
    keeps = "k.place LIKE 'site:%'" if system in (System.WMS, System.PLANNING) else "true"
    return f"""
        coalesce(
            (
                SELECT d.theirs
                FROM differ d
                WHERE d.system = '{system}' AND (d.item, d.place) = (k.item, k.place)
            ),
            CASE
                WHEN {keeps}
                    AND EXISTS (SELECT FROM compared WHERE system = '{system}') THEN coalesce(o.packs, 0)
            END
        ) AS {system}
    """


STOCK = f"""
    WITH ours AS (
        SELECT item,
            CASE split_part(place, ':', 1)
                WHEN 'transit' THEN place
                ELSE 'site:' || split_part(place, ':', 2)
            END AS place,
            sum(packs)::bigint AS packs
        FROM stock_balance
        WHERE split_part(place, ':', 1) IN ('on_hand', 'allocated', 'returns', 'blocked', 'transit')
        GROUP BY 1, 2
        HAVING sum(packs) <> 0
    ),
    differ AS (
        SELECT item, place, system, max(coalesce(nullif(theirs, ''), '0')::bigint) AS theirs,
            string_agg(DISTINCT nullif(explained_by, ''), ', ') AS explained_by
        FROM difference
        WHERE closed_at IS NULL AND about = 'stock'
        GROUP BY 1, 2, 3
    ),
    compared AS (
        SELECT DISTINCT system
        FROM reconciliation_run
        WHERE finished_at IS NOT NULL AND error IS NULL
    ),
    worth AS (
        SELECT DISTINCT ON (item) item, value, packs, currency
        FROM unit_value
        ORDER BY item, ref DESC
    )
    SELECT k.item, k.place, coalesce(o.packs, 0) AS ours,
        {", ".join(_theirs(system) for system in SYSTEMS)},
        round(coalesce(w.value / w.packs, 0), 4) AS unit,
        round(coalesce(o.packs * w.value / w.packs, 0), 4) AS value,
        coalesce(w.currency, '') AS currency,
        (
            SELECT string_agg(DISTINCT d.explained_by, ', ')
            FROM differ d
            WHERE (d.item, d.place) = (k.item, k.place)
        ) AS explained_by
    FROM (SELECT item, place FROM ours UNION SELECT item, place FROM differ) k
    LEFT JOIN ours o USING (item, place)
    LEFT JOIN worth w USING (item)
    ORDER BY 1, 2
"""


async def sheet(connection: Connection) -> list[dict[str, Any]]:
    """(item, place, ours, erp, wms, planning, unit, value, currency, explained_by) of each item and site or shipment.

    `place` is `site:<site>` or `transit:<shipment>`, or `in_transit:<site>` where planning differs. A system's figure is
    None when it keeps no such place, or no comparison with it has ended well. `unit`: what a pack is worth, in the order
    with the highest number; 0 when nobody has said it. `value`: what our packs are worth at that.
    """
    cursor = await connection.execute((STOCK).encode())
    return await cursor.fetchall()


async def accounts(connection: Connection) -> list[dict[str, Any]]:
    """(account, currency, ours, erp) of what ERPs keep of their orders too: see `finance.by_order`. `erp`: None when no
    comparison with an ERP has ended well; else ours and what the last comparison found different."""
    cursor = await connection.execute(
        (
            f"""
            WITH ours AS ({valuation.BY_ORDER}),
            differ AS (
                SELECT item AS account, place AS currency, sum(theirs::numeric - ours::numeric) AS amount
                FROM difference
                WHERE closed_at IS NULL AND about = 'account'
                GROUP BY 1, 2
            )
            SELECT account, currency, coalesce(o.amount, 0) AS ours,
                CASE
                    WHEN EXISTS (
                        SELECT
                        FROM reconciliation_run
                        WHERE system = 'erp' AND finished_at IS NOT NULL AND error IS NULL
                    ) THEN coalesce(o.amount, 0) + coalesce(d.amount, 0)
                END AS erp
            FROM (SELECT account, currency, sum(amount) AS amount FROM ours GROUP BY 1, 2) o
            FULL JOIN differ d USING (account, currency)
            ORDER BY 2, 1
            """
        ).encode(),
        valuation.of_orders(None),
    )
    return await cursor.fetchall()


async def as_of(connection: Connection) -> datetime | None:
    """Since when every system's figures may be old: the last comparison that ended well, of the system with the oldest."""
    cursor = await connection.execute(
        """
        SELECT min(last) AS as_of
        FROM (
            SELECT max(finished_at) AS last
            FROM reconciliation_run
            WHERE error IS NULL AND system = ANY(%s)
            GROUP BY system, target
        ) x
        """,
        (list(SYSTEMS),),
    )
    row = await cursor.fetchone()
    return row["as_of"] if row else None


async def balance(connection: Connection) -> dict[str, int]:
    """Numbers of compared items, of present differences, and of explained ones."""
    cursor = await connection.execute(
        """
        SELECT (SELECT count(DISTINCT item) FROM stock_balance)::int AS items, count(*)::int AS differences,
            count(*) FILTER (WHERE explained_by <> '')::int AS explained
        FROM difference
        WHERE closed_at IS NULL AND about NOT IN ('message', 'invoice', 'notice', 'system')
        """
    )
    [row] = await cursor.fetchall()
    return row
