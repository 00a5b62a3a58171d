"""Open demand of orders: the newest figure of each item and site is owed to planning until it was told.

The table is the outbox. Whenever packs or day of a row change its revision rises, so that a revision never has two
contents. Planning is sent the newest one only; what was changed in between, or changed back, costs no row.
"""

from collections.abc import Collection, Iterable
from typing import Any, NamedTuple

from schemas.messaging.instructions import PlanningDemand
from schemas.planning.demand import DemandKey
from schemas.planning.feeds import FeedRun
from schemas.planning.movements import DemandRow, OpenDemand
from store.batches import RowBatch
from store.changes import StepScope
from store.engine import Connection
from store.planning.planning import CHANNEL, DEMAND_WAITS, MINE

KEY = "concat(order_key, '/demand/', site, '/', item)"
"""SQL: a row's key before its revision."""
ROWS = """
    unnest(
        %(orders)s::text[], %(items)s::text[], %(sites)s::text[], %(revisions)s::bigint[], %(packs)s::bigint[]
    ) AS x(order_key, item, site, revision, packs)
"""
UNSETTLED_AT_MOST = 2000
"""Figures that a comparison looks at: as many as movements of stock."""
WRITTEN = "EXISTS (SELECT FROM order_view WHERE key = %(order)s AND version <= %(version)s)"
"""SQL: whether no newer step of the order is written."""


class OwedOrderDemand(NamedTuple):
    """A figure that planning has not got. `attempts`: how often planning has refused it."""

    row: PlanningDemand
    attempts: int


OPEN = RowBatch[DemandRow](item="text", site="text", packs="bigint", day="date")
KEEP = f"""
    WITH wanted AS (
        SELECT *
        FROM {OPEN.rows}
        WHERE {WRITTEN}
    ),
    gone AS (
        UPDATE order_demand d
        SET packs = 0, revision = revision + 1, changed_at = clock_timestamp()
        WHERE order_key = %(order)s
            AND packs <> 0
            AND {WRITTEN}
            AND NOT EXISTS (SELECT FROM wanted w WHERE (w.item, w.site) = (d.item, d.site))
    )
    INSERT INTO order_demand AS d (order_key, {OPEN.names})
    SELECT %(order)s, {OPEN.names}
    FROM wanted
    ON CONFLICT (order_key, item, site) DO UPDATE
    SET packs = excluded.packs, day = excluded.day, revision = d.revision + 1,
        changed_at = clock_timestamp()
    WHERE (d.packs, d.day) IS DISTINCT FROM (excluded.packs, excluded.day)
"""


async def write(connection: Connection, scope: StepScope, change: OpenDemand) -> None:
    """Keep what is open after a step, unless a newer one is written. What the step does not name is not wanted."""
    params = {"order": scope.order, "version": scope.version, **OPEN.arrays(change.rows)}
    # In the order in which an answer of planning takes them: whoever comes second waits.
    await connection.execute(
        "SELECT FROM order_demand WHERE order_key = %s ORDER BY item, site FOR UPDATE", (scope.order,)
    )
    await connection.execute(
        """
        INSERT INTO planning_site (site, region)
        SELECT DISTINCT s, o.region
        FROM order_view o, unnest(%(site)s::text[]) s
        WHERE o.key = %(order)s
        ORDER BY 1
        ON CONFLICT DO NOTHING
        """,
        params,
    )
    await connection.execute(KEEP.encode(), params)
    await connection.execute(f"NOTIFY {CHANNEL}")


async def unreported(connection: Connection, feed: FeedRun, limit: int) -> list[OwedOrderDemand]:
    """What the planning system of a feed has not got, what has waited longest first. One that was refused holds up those
    of its item and site."""
    cursor = await connection.execute(
        f"""
        SELECT concat({KEY}, '/r', revision) AS key, order_key AS order, item, d.site, day, packs, revision,
            attempts
        FROM order_demand d
        JOIN planning_site k USING (site)
        WHERE {MINE.format("k")} AND {DEMAND_WAITS}
        ORDER BY changed_at, order_key, item, site LIMIT %(limit)s
        """.encode(),
        {**feed.scope, "limit": limit},
    )
    return [OwedOrderDemand(PlanningDemand.model_validate(row), row["attempts"]) for row in await cursor.fetchall()]


async def mark_reported(connection: Connection, owed: Iterable[OwedOrderDemand], refused: dict[str, str]) -> None:
    """Planning has answered to these: it has those that it did not refuse. What has changed since is owed still. Call it
    within a transaction."""
    asked = [it.row for it in owed]
    await connection.execute(
        f"""
        SELECT
        FROM order_demand d
        JOIN {ROWS} USING (order_key, item, site)
        ORDER BY order_key, item, site
        FOR UPDATE OF d
        """.encode(),
        _columns(asked),
    )
    await connection.execute(
        f"""
        UPDATE order_demand d
        SET told_revision = x.revision, told_packs = x.packs, told_at = clock_timestamp(), attempts = 0
        FROM {ROWS}
        WHERE (d.order_key, d.item, d.site) = (x.order_key, x.item, x.site) AND d.told_revision < x.revision
        """.encode(),
        _columns([row for row in asked if row.key not in refused]),
    )
    await connection.execute(
        f"""
        UPDATE order_demand d
        SET attempts = attempts + 1
        FROM {ROWS}
        WHERE (d.order_key, d.item, d.site) = (x.order_key, x.item, x.site)
        """.encode(),
        _columns([row for row in asked if row.key in refused]),
    )


async def mark_refused(connection: Connection, row: PlanningDemand, error: str) -> None:
    """Planning refused this figure by itself: it waits for people, and others of its item and site with it."""
    await connection.execute(
        "UPDATE order_demand SET refused = %s WHERE (order_key, item, site, revision) = (%s, %s, %s, %s)",
        (error, row.order, row.item, row.site, row.revision),
    )


async def replay(connection: Connection, keys: list[str]) -> list[str]:
    """Send refused figures again, as they are by now; returns the keys of those that there were."""
    cursor = await connection.execute(
        f"""
        UPDATE order_demand
        SET refused = NULL
        WHERE refused IS NOT NULL AND {KEY} = ANY(%s)
        RETURNING concat({KEY}, '/r', revision) AS key
        """.encode(),
        (_stems(keys),),
    )
    return [row["key"] for row in await cursor.fetchall()]


async def drop(connection: Connection, keys: list[str]) -> list[str]:
    """Give refused figures up, until they change; returns the keys of those that there were."""
    cursor = await connection.execute(
        f"""
        UPDATE order_demand
        SET refused = NULL, told_revision = revision
        WHERE refused IS NOT NULL AND {KEY} = ANY(%s)
        RETURNING concat({KEY}, '/r', revision) AS key
        """.encode(),
        (_stems(keys),),
    )
    return [row["key"] for row in await cursor.fetchall()]


async def again(connection: Connection, item: str, site: str) -> int:
    """Owe planning every figure of an item at a site again, under a new revision, whatever it holds; how many."""
    cursor = await connection.execute(
        """
        WITH held AS (
            SELECT order_key
            FROM order_demand
            WHERE (item, site) = (%(item)s, %(site)s)
            ORDER BY order_key, item, site
            FOR UPDATE
        )
        UPDATE order_demand d
        SET revision = revision + 1, changed_at = clock_timestamp()
        FROM held h
        WHERE (d.order_key, d.item, d.site) = (h.order_key, %(item)s, %(site)s)
        """,
        {"item": item, "site": site},
    )
    await connection.execute(f"NOTIFY {CHANNEL}")
    return cursor.rowcount


async def open_in(connection: Connection, region: str) -> dict[tuple[str, str], int]:
    """Open packs by (item, site), of the sites that the feed of a region tells of."""
    cursor = await connection.execute(
        """
        SELECT item, d.site, sum(packs)::bigint AS packs
        FROM order_demand d
        JOIN planning_site k USING (site)
        WHERE k.region = %s AND packs <> 0
        GROUP BY 1, 2
        """,
        (region,),
    )
    return {(row["item"], row["site"]): row["packs"] for row in await cursor.fetchall()}


async def unsettled(
    connection: Connection, region: str, about: Collection[tuple[str, str]], settle_s: float
) -> list[dict[str, Any]]:
    """(by, item, site, packs, young) of what planning of a region need not have yet, of these items and sites: the key of
    a figure, `packs` that planning lacks of it, and whether it was changed or told within `settle_s`."""
    young = "greatest(changed_at, told_at) > clock_timestamp() - make_interval(secs => %(settle_s)s)"
    cursor = await connection.execute(
        f"""
        SELECT concat({KEY}, '/r', revision) AS by, item, site,
            CASE WHEN told_revision < revision THEN packs - told_packs ELSE 0 END AS packs, {young} AS young
        FROM order_demand d
        JOIN planning_site k USING (site)
        WHERE k.region = %(region)s
            AND (item, site) IN (SELECT * FROM unnest(%(items)s::text[], %(sites)s::text[]))
            AND (told_revision < revision OR {young})
        ORDER BY changed_at DESC LIMIT %(limit)s
        """.encode(),
        {
            "region": region,
            "items": [item for item, _ in about],
            "sites": [site for _, site in about],
            "settle_s": settle_s,
            "limit": UNSETTLED_AT_MOST,
        },
    )
    return await cursor.fetchall()


def _columns(rows: list[PlanningDemand]) -> dict[str, Any]:
    return {
        "orders": [row.order for row in rows],
        "items": [row.item for row in rows],
        "sites": [row.site for row in rows],
        "revisions": [row.revision for row in rows],
        "packs": [row.packs for row in rows],
    }


def _stems(keys: list[str]) -> list[str]:
    """What is before the revision in those that are keys of figures."""
    return [found.stem for key in keys if (found := DemandKey.read(key))]
