"""The planning buffer: movements written with the step that made them, netted into frozen rows, sent in bulk.

What a flush sends is written down before it is sent: a repeat, also by another process, is the same rows by the same keys.
"""

from collections import Counter
from datetime import UTC

from schemas.effects import PlanningDelta
from schemas.instructions import PlanningRow
from store.engine import Connection

CHANNEL = "planning"
"""PostgreSQL notification channel that wakes the planning feed."""
ITEMS_PER_FLUSH = 500
"""Items of one flush. All waiting movements of an item go into the same one, so their order is kept."""


async def buffer(connection: Connection, order_key: str, deltas: tuple[PlanningDelta, ...]) -> None:
    """Keep these movements for the planning feed and wake it; those that are known stay as they are."""
    packs: Counter[tuple[int, str]] = Counter()
    for n, delta in enumerate(deltas):
        for movement in delta.movements:
            packs[n, movement.item] += movement.quantity
    if not packs:
        return
    parts = [(deltas[n], item, quantity) for (n, item), quantity in packs.items()]
    await connection.execute(
        "INSERT INTO planning_delta (key, region, order_key, item, site, day, kind, packs, promised_on, accepted_at) "
        "SELECT k, r, %s, i, s, d, t, q, p, a FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::date[], "
        "%s::text[], %s::bigint[], %s::date[], %s::timestamptz[]) AS x(k, r, i, s, d, t, q, p, a) ON CONFLICT DO NOTHING",
        (
            order_key,
            [d.key for d, _, _ in parts],
            [d.region for d, _, _ in parts],
            [item for _, item, _ in parts],
            [d.site for d, _, _ in parts],
            [d.occurred_at.astimezone(UTC).date() for d, _, _ in parts],
            [d.kind for d, _, _ in parts],
            [quantity for _, _, quantity in parts],
            [d.promised_on for d, _, _ in parts],
            [d.accepted_at for d, _, _ in parts],
        ),
    )
    await connection.execute(f"NOTIFY {CHANNEL}")


async def freeze(connection: Connection, feed: str, region: str) -> int:
    """Net what waits in a region into the rows of a new flush, the earliest promise first; how many movements that
    settles. What nets to zero is settled unsent. Call it within a transaction."""
    cursor = await connection.execute("SELECT nextval('planning_flush') AS flush")
    flush = (await cursor.fetchone() or {})["flush"]
    cursor = await connection.execute(
        "WITH urgent AS (SELECT item, min(coalesce(promised_on, day)) AS due, min(id) AS first FROM planning_delta "
        "WHERE region = %(region)s AND flush IS NULL GROUP BY item ORDER BY due, first LIMIT %(items)s), "
        "taken AS (UPDATE planning_delta d SET flush = %(flush)s FROM urgent u "
        "WHERE d.region = %(region)s AND d.flush IS NULL AND d.item = u.item "
        "RETURNING u.due, u.first, d.item, d.site, d.day, d.kind, d.packs), "
        "netted AS (SELECT item, site, day, kind, sum(packs) AS packs, "
        "row_number() OVER (ORDER BY min(due), min(first), day, site, kind) AS n "
        "FROM taken GROUP BY item, site, day, kind HAVING sum(packs) <> 0), "
        "frozen AS (INSERT INTO planning_row (key, region, flush, n, item, site, day, kind, packs) "
        "SELECT concat(%(feed)s::text, '/', %(flush)s::bigint, '/', n), %(region)s, %(flush)s, n, item, site, day, kind, "
        "packs FROM netted) SELECT count(*) AS movements FROM taken",
        {"region": region, "items": ITEMS_PER_FLUSH, "flush": flush, "feed": feed},
    )
    await _settle(connection, [flush])
    return int((await cursor.fetchone() or {})["movements"])


async def pending(connection: Connection, region: str, limit: int) -> list[PlanningRow]:
    """Frozen rows that planning has not confirmed, in their order. One feed per region reads them: no lock."""
    cursor = await connection.execute(
        "SELECT key, item, site, day, kind, packs FROM planning_row WHERE region = %s AND state = 'pending' "
        "ORDER BY flush, n LIMIT %s",
        (region, limit),
    )
    return [PlanningRow.model_validate(row) for row in await cursor.fetchall()]


async def sent(connection: Connection, keys: list[str]) -> None:
    """Planning confirmed these rows, and with them the movements that they net. Call it within a transaction."""
    cursor = await connection.execute(
        "UPDATE planning_row SET state = 'sent', attempts = attempts + 1, sent_at = clock_timestamp() "
        "WHERE key = ANY(%s) AND state = 'pending' RETURNING flush",
        (keys,),
    )
    await _settle(connection, list({row["flush"] for row in await cursor.fetchall()}))


async def _settle(connection: Connection, flushes: list[int]) -> None:
    await connection.execute(
        "UPDATE planning_delta d SET sent_at = clock_timestamp() WHERE flush = ANY(%s) AND sent_at IS NULL "
        "AND NOT EXISTS (SELECT FROM planning_row r WHERE (r.region, r.flush, r.item, r.site, r.day, r.kind) = "
        "(d.region, d.flush, d.item, d.site, d.day, d.kind) AND r.state = 'pending')",
        (flushes,),
    )


async def regions(connection: Connection) -> list[str]:
    """Regions that have orders: each has a planning feed."""
    cursor = await connection.execute("SELECT DISTINCT region FROM order_view")
    return [row["region"] for row in await cursor.fetchall()]
