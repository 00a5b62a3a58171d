"""Rows and figures of demand that planning refused: listed, sent again after a repair, or dropped. Rows that wait
behind them then go on."""

from typing import Any

from schemas.base import Origin
from store.engine import Connection
from store.planning import order_demand
from store.planning.planning import CHANNEL, settle_movements


async def listed(connection: Connection, limit: int = 100) -> list[dict[str, Any]]:
    """Refused rows, the oldest first, with the reason, and how many movements and rows `waiting` there are behind each.
    Figures of demand come last; `waiting` behind one are others of its item and site."""
    cursor = await connection.execute(
        f"""
        (
            SELECT key, region, item, site, day, kind, packs, attempts, origin, error, created_at,
                (
                    SELECT count(*)
                    FROM planning_delta d
                    WHERE (d.item, d.site) = (r.item, r.site) AND d.flush IS NULL
                ) + (
                    SELECT count(*)
                    FROM planning_row w
                    WHERE w.state = 'pending' AND (w.item, w.site) = (r.item, r.site)
                ) AS waiting
            FROM planning_row r
            WHERE state = 'parked'
            ORDER BY flush, n LIMIT %(limit)s
        )
        UNION ALL
        (
            SELECT concat({order_demand.KEY}, '/r', revision), k.region, item, r.site, day, 'demand', packs,
                attempts, %(origin)s, refused, changed_at,
                (
                    SELECT count(*)
                    FROM order_demand w
                    WHERE (w.item, w.site) = (r.item, r.site)
                        AND w.told_revision < w.revision
                        AND w.refused IS NULL
                )
            FROM order_demand r
            JOIN planning_site k USING (site)
            WHERE refused IS NOT NULL
            ORDER BY changed_at LIMIT %(limit)s
        )
        LIMIT %(limit)s
        """.encode(),
        {"limit": limit, "origin": Origin.PLANNING_API},
    )
    return await cursor.fetchall()


async def replay(connection: Connection, keys: list[str]) -> list[str]:
    """Send refused rows again, under the same keys; returns those that there were."""
    cursor = await connection.execute(
        """
        UPDATE planning_row
        SET state = 'pending', origin = NULL, error = NULL
        WHERE key = ANY(%s) AND state = 'parked'
        RETURNING key
        """,
        (keys,),
    )
    found = [row["key"] for row in await cursor.fetchall()] + await order_demand.replay(connection, keys)
    await connection.execute(f"NOTIFY {CHANNEL}")
    return sorted(found)


async def drop(connection: Connection, keys: list[str]) -> list[str]:
    """Give refused rows up: planning never counts them. Returns those that there were. Call it within a transaction."""
    cursor = await connection.execute(
        """
        UPDATE planning_row
        SET state = 'dropped'
        WHERE key = ANY(%s) AND state = 'parked'
        RETURNING key, flush
        """,
        (keys,),
    )
    found = await cursor.fetchall()
    await settle_movements(connection, sorted({row["flush"] for row in found}))
    given_up = await order_demand.drop(connection, keys)
    await connection.execute(f"NOTIFY {CHANNEL}")
    return sorted([*given_up, *(row["key"] for row in found)])
