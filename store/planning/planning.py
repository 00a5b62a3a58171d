"""The planning buffer: movements netted into frozen rows, which are sent in bulk.

A flush is written before it is sent: a repeat, also by another process, is the same rows under the same keys. Movements
come from `store.planning.movements` and `store.planning.positions`. A refused row stays, and later movements of its
item and site wait behind it: see `store.planning.refused_rows`.
"""

from dataclasses import dataclass
from typing import Any

from schemas.base import Origin
from schemas.messaging.instructions import PlanningRow
from schemas.planning.feeds import FeedRun
from store.engine import Connection

CHANNEL = "planning"
"""PostgreSQL notification channel that wakes the planning feed."""
ITEMS_PER_FLUSH = 500
"""Items of one flush."""
MOVEMENTS_PER_FLUSH = 20_000
"""Movements of one flush, roughly; of one item at most so many, the oldest first. So a flush takes as long after a
day's outage as on any other day. The rest of an item goes with the next one: its order is kept."""

BLOCKED = """
    EXISTS (SELECT FROM planning_row p WHERE (p.item, p.site) = (d.item, d.site) AND p.state = 'parked')
"""
"""Whether `d` waits behind a refused row, or is one."""
DEMAND_WAITS = """
    told_revision < revision
    AND refused IS NULL
    AND NOT EXISTS (
        SELECT
        FROM order_demand p
        WHERE (p.item, p.site) = (d.item, d.site) AND p.refused IS NOT NULL
    )
"""
"""Whether the open demand `d` is to be sent: see `store.planning.order_demand`."""
MINE = "(CASE WHEN %(region)s = '*' THEN {0}.region <> ALL(%(others)s::text[]) ELSE {0}.region = %(region)s END)"
"""Whether a row is for the planning system of a feed: see `FeedRun.scope`."""


@dataclass(frozen=True)
class Frozen:
    """A row as it is sent, unchanged by later events. `attempts`: how often planning has answered it."""

    row: PlanningRow
    attempts: int


async def due_in_s(connection: Connection, feed: FeedRun, batch: int, linger_s: float) -> float | None:
    """Seconds until a feed is due: 0 when `batch` movements or figures wait, else until the oldest has waited for
    `linger_s`. None: nothing waits."""
    await _adopt(connection, feed)
    cursor = await connection.execute(
        f"""
        SELECT max(n) AS waiting, extract(epoch FROM min(oldest) - clock_timestamp())::float AS age
        FROM (
            SELECT count(*) AS n, min(created_at) AS oldest
            FROM (
                SELECT created_at
                FROM planning_delta d
                WHERE {MINE.format("d")} AND flush IS NULL AND NOT {BLOCKED}
                LIMIT %(batch)s
            ) x
            UNION ALL
            SELECT count(*), min(changed_at)
            FROM (
                SELECT changed_at
                FROM order_demand d
                JOIN planning_site k USING (site)
                WHERE {MINE.format("k")} AND {DEMAND_WAITS}
                LIMIT %(batch)s
            ) y
        ) z
        """.encode(),
        {**feed.scope, "batch": batch},
    )
    row = await cursor.fetchone()
    if not row or not row["waiting"]:
        return None
    full = row["waiting"] >= batch
    return 0.0 if full else min(linger_s, max(0.0, row["age"] + linger_s))


async def _adopt(connection: Connection, feed: FeedRun) -> None:
    """Movements of sites that no order had named before belong to the region that they have now."""
    await connection.execute(
        f"""
        UPDATE planning_delta d
        SET region = s.region
        FROM planning_site s
        WHERE d.region = '' AND d.flush IS NULL AND s.site = d.site AND {MINE.format("s")}
        """.encode(),
        feed.scope,
    )


FREEZE = f"""
    WITH items AS (
        SELECT item, min(coalesce(promised_on, day)) AS due, min(id) AS first, count(*) AS movements
        FROM planning_delta d
        WHERE {MINE.format("d")} AND flush IS NULL AND NOT {BLOCKED}
        GROUP BY item
        ORDER BY due, first LIMIT %(items)s
    ),
    urgent AS (
        SELECT item, due, first
        FROM (
            SELECT *,
                sum(least(movements, %(movements)s)) OVER (ORDER BY due, first)
                    - least(movements, %(movements)s) AS before
            FROM items
        ) x
        WHERE before < %(movements)s
    ),
    oldest AS (
        SELECT m.id
        FROM urgent u
        CROSS JOIN LATERAL (
            SELECT d.id
            FROM planning_delta d
            WHERE {MINE.format("d")} AND d.flush IS NULL AND d.item = u.item AND NOT {BLOCKED}
            ORDER BY d.id LIMIT %(movements)s
        ) m
    ),
    taken AS (
        UPDATE planning_delta d
        SET flush = %(flush)s
        WHERE d.id = ANY(ARRAY(SELECT id FROM oldest))
            -- not IS NULL: what waits has an index, which would be read once for each
            AND coalesce(d.flush, 0) = 0
        RETURNING d.id, coalesce(d.promised_on, d.day) AS due, d.region, d.item, d.site, d.day, d.kind,
            d.packs
    ),
    summed AS (
        SELECT min(region) AS region, item, site, day, kind, sum(packs) AS packs,
            min(min(due)) OVER (PARTITION BY item) AS due, min(min(id)) OVER (PARTITION BY item) AS first
        FROM taken
        GROUP BY item, site, day, kind
    ),
    netted AS (
        SELECT *, row_number() OVER (ORDER BY due, first, item, day, site, kind) AS n
        FROM summed
        WHERE packs <> 0
    ),
    frozen AS (
        INSERT INTO planning_row (key, region, flush, n, item, site, day, kind, packs)
        SELECT concat(%(feed)s::text, '/', %(flush)s::bigint, '/', n), region, %(flush)s, n, item, site,
            day, kind, packs
        FROM netted
    )
    SELECT count(*) AS movements
    FROM taken
"""


async def freeze(connection: Connection, feed: FeedRun) -> int:
    """Net the waiting movements of a feed into the rows of a new flush, the items of the earliest promise first.
    Returns the number of settled movements. Zero sums are settled unsent. Call it within a transaction."""
    cursor = await connection.execute("SELECT nextval('planning_flush') AS flush")
    flush = (await cursor.fetchone() or {})["flush"]
    cursor = await connection.execute(
        FREEZE.encode(),
        {
            **feed.scope,
            "items": ITEMS_PER_FLUSH,
            "movements": MOVEMENTS_PER_FLUSH,
            "flush": flush,
            "feed": feed.name,
        },
    )
    await settle_movements(connection, [flush])
    return int((await cursor.fetchone() or {})["movements"])


async def pending(connection: Connection, feed: FeedRun, limit: int) -> list[Frozen]:
    """Frozen rows that planning has not confirmed, in their order. One feed per planning system reads them: no lock."""
    cursor = await connection.execute(
        f"""
        SELECT key, item, site, day, kind, packs, attempts
        FROM planning_row d
        WHERE state = 'pending' AND {MINE.format("d")} AND NOT {BLOCKED}
        ORDER BY flush, n LIMIT %(limit)s
        """.encode(),
        {**feed.scope, "limit": limit},
    )
    return [Frozen(PlanningRow.model_validate(row), row["attempts"]) for row in await cursor.fetchall()]


async def answered(connection: Connection, keys: list[str], refused: dict[str, str]) -> None:
    """Record planning's answer to these rows. `refused` rows stay as they are, the others are sent, and their
    movements with them. Call it within a transaction."""
    cursor = await connection.execute(
        """
        UPDATE planning_row
        SET attempts = attempts + 1, state = CASE WHEN key = ANY(%(refused)s) THEN state ELSE 'sent' END,
            sent_at = CASE WHEN key = ANY(%(refused)s) THEN NULL ELSE clock_timestamp() END
        WHERE key = ANY(%(keys)s) AND state = 'pending'
        RETURNING flush
        """,
        {"keys": keys, "refused": list(refused)},
    )
    await settle_movements(connection, sorted({row["flush"] for row in await cursor.fetchall()}))


async def count_call(connection: Connection, feed: FeedRun) -> None:
    """A call was made, with or without success."""
    await connection.execute(
        """
        INSERT INTO planning_calls AS c (region, calls)
        VALUES (%s, 1)
        ON CONFLICT (region) DO UPDATE
        SET calls = c.calls + 1
        """,
        (feed.region,),
    )


async def mark_refused(connection: Connection, key: str, error: str) -> None:
    """Planning refused this row by itself: it waits for people, and what comes after it for its item and site with it."""
    await connection.execute(
        """
        UPDATE planning_row
        SET state = 'parked', origin = %s, error = %s
        WHERE key = %s AND state = 'pending'
        """,
        (Origin.PLANNING_API, error, key),
    )


async def settle_movements(connection: Connection, flushes: list[int]) -> None:
    """Mark the movements of these flushes that have nothing left to send."""
    await connection.execute(
        """
        UPDATE planning_delta d
        SET sent_at = clock_timestamp()
        WHERE flush = ANY(%s)
            AND sent_at IS NULL
            AND NOT EXISTS (
                SELECT
                FROM planning_row r
                WHERE (r.flush, r.item, r.site, r.day, r.kind) = (d.flush, d.item, d.site, d.day, d.kind)
                    AND r.state IN ('pending', 'parked')
            )
        """,
        (flushes,),
    )


async def figures(connection: Connection) -> dict[str, Any]:
    """Movements and changes of demand that planning has, calls made, failed ones included, and calls for 1,000
    movements."""
    cursor = await connection.execute(
        """
        SELECT count(*) + (SELECT coalesce(sum(told_revision), 0)::bigint FROM order_demand) AS movements,
            (SELECT coalesce(sum(calls), 0)::bigint FROM planning_calls) AS calls
        FROM planning_delta
        WHERE sent_at IS NOT NULL
        """
    )
    row = dict(await cursor.fetchone() or {"movements": 0, "calls": 0})
    return {**row, "per_1000": round(1000 * row["calls"] / row["movements"], 1) if row["movements"] else 0.0}
