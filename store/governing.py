"""The re-plan governor's books: what is projected, what planners know of it, and what they were asked per item and site."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any

from psycopg.types.json import Jsonb

from schemas.governing import Precision, Projected, StockProposalView, StockReplan
from store.engine import Connection

PROJECTED = (
    "SELECT b.item, o.site, 'shipment ' || s.shipment AS source, sum(b.packs)::int AS packs, s.eta::date AS day "
    "FROM shipment_order s JOIN order_view o ON o.key = s.order_key AND o.region = %(region)s "
    "JOIN stock_balance b ON b.place = 'transit:' || s.shipment AND b.packs > 0 WHERE s.eta IS NOT NULL GROUP BY 1, 2, 3, 5 "
    "UNION ALL SELECT b.item, split_part(b.place, ':', 2), 'counts', greatest(b.packs, 0)::int, b.updated_at::date "
    "FROM stock_balance b WHERE b.place LIKE 'adjustment:%%' "
    "AND split_part(b.place, ':', 2) IN (SELECT site FROM order_view WHERE region = %(region)s)"
)
"""Packs on the way by their ETA, and packs that counts and picks have found missing."""


async def projected(connection: Connection, region: str) -> list[Projected]:
    """What is projected now in a region, beside what planners know. What counts miss was never planned: they know of 0."""
    cursor = await connection.execute(
        f"SELECT p.item, p.site, p.source, p.packs, CASE p.source WHEN 'counts' THEN coalesce(k.day, p.day) ELSE p.day "
        "END AS day, coalesce(c.class, 'B') AS item_class, coalesce(k.packs, CASE p.source WHEN 'counts' THEN 0 END) AS "
        "planned_packs, coalesce(k.day, CASE p.source WHEN 'counts' THEN p.day END) AS planned_day, k.changed_at "
        f"FROM ({PROJECTED}) p LEFT JOIN seen_projection k USING (item, site, source) LEFT JOIN item_class c USING (item) "
        "ORDER BY 1, 2, 3".encode(),
        {"region": region},
    )
    return [Projected.model_validate(row) for row in await cursor.fetchall()]


async def remember(connection: Connection, found: Iterable[Projected]) -> None:
    """Planners know this from now on."""
    for one in found:
        await connection.execute(
            "INSERT INTO seen_projection (item, site, source, packs, day) VALUES (%s, %s, %s, %s, %s) "
            "ON CONFLICT (item, site, source) DO UPDATE SET packs = excluded.packs, day = excluded.day, changed_at = NULL",
            (one.item, one.site, one.source, one.packs, one.day),
        )


async def changing(connection: Connection, found: Iterable[Projected], since: datetime | None) -> None:
    """These differ from what planners know since then; None: not any more."""
    for one in found:
        await connection.execute(
            "INSERT INTO seen_projection (item, site, source, packs, day, changed_at) VALUES (%s, %s, %s, %s, %s, %s) "
            "ON CONFLICT (item, site, source) DO UPDATE SET changed_at = excluded.changed_at",
            (one.item, one.site, one.source, one.planned_packs or 0, one.planned_day or one.day, since),
        )


async def propose(
    connection: Connection, region: str, found: Iterable[StockReplan], now: datetime, ttl_s: float
) -> None:
    """Put re-plans before the planner; an item and site that are asked about already get this cause as well."""
    for one in found:
        await connection.execute(
            "INSERT INTO stock_proposal AS p (region, item, site, packs, day, slipped_days, causes, summary, raised_at, "
            "expires_at) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT (item, site) WHERE state = 'open' "
            "DO UPDATE SET packs = p.packs + excluded.packs, day = greatest(p.day, excluded.day), slipped_days = "
            "greatest(p.slipped_days, excluded.slipped_days), causes = p.causes || excluded.causes, summary = "
            "left(p.summary || '; ' || excluded.summary, 500), expires_at = excluded.expires_at",
            (
                region,
                one.item,
                one.site,
                one.packs,
                one.day,
                one.slipped_days,
                Jsonb([cause.model_dump() for cause in one.causes]),
                one.summary,
                now,
                now + timedelta(seconds=ttl_s),
            ),
        )


async def expire(connection: Connection, region: str, now: datetime) -> int:
    """Close what nobody has decided in time; how many."""
    cursor = await connection.execute(
        "UPDATE stock_proposal SET state = 'expired', decided_at = %s WHERE region = %s AND state = 'open' "
        "AND expires_at <= %s",
        (now, region, now),
    )
    return cursor.rowcount


async def decide(
    connection: Connection, number: int, state: str, by: str, reason: str, day: date | None
) -> StockProposalView | None:
    """A planner's decision; the same one again changes nothing. None: there is no such proposal.

    Raises ValueError with its state when it was decided otherwise, or has expired.
    """
    cursor = await connection.execute(
        "UPDATE stock_proposal SET state = %(state)s, decided_by = %(by)s, decided_at = clock_timestamp(), "
        "decision_reason = %(reason)s, override_day = %(day)s WHERE id = %(id)s AND state = 'open'",
        {"state": state, "by": by, "reason": reason, "day": day, "id": number},
    )
    found = await listing(connection, open_only=False, number=number)
    if not found:
        return None
    [view] = found
    if not cursor.rowcount and (view.state, view.decided_by, view.override_day) != (state, by, day):
        raise ValueError(view.state)
    return view


async def listing(
    connection: Connection,
    *,
    open_only: bool = True,
    region: str | None = None,
    limit: int = 100,
    number: int | None = None,
) -> list[StockProposalView]:
    """Proposals, the newest first."""
    cursor = await connection.execute(
        "SELECT 'stock/' || id AS id, region, item, site, packs, day, slipped_days, causes, summary, state, raised_at, "
        "expires_at, decided_by, decided_at, decision_reason, override_day FROM stock_proposal "
        "WHERE (NOT %(open_only)s OR state = 'open') AND (%(region)s::text IS NULL OR region = %(region)s) "
        "AND (%(number)s::bigint IS NULL OR id = %(number)s) ORDER BY raised_at DESC, stock_proposal.id DESC LIMIT %(limit)s",
        {"open_only": open_only, "region": region, "limit": limit, "number": number},
    )
    return [StockProposalView.model_validate(row) for row in await cursor.fetchall()]


async def precision(connection: Connection, region: str | None = None, weeks: int = 8) -> list[Precision]:
    """Re-plan precision by week of decision, of proposals per order and per item and site together."""
    cursor = await connection.execute(
        "SELECT date_trunc('week', decided_at)::date AS week, count(*) FILTER (WHERE state = 'accepted')::int AS accepted, "
        "count(*) FILTER (WHERE state IN ('accepted', 'rejected', 'overridden'))::int AS decided, "
        "count(*) FILTER (WHERE state = 'expired')::int AS expired FROM (SELECT region, state, decided_at FROM "
        "stock_proposal UNION ALL SELECT region, state, decided_at FROM replan_proposal) p WHERE decided_at IS NOT NULL "
        "AND (%(region)s::text IS NULL OR region = %(region)s) GROUP BY 1 ORDER BY 1 DESC LIMIT %(weeks)s",
        {"region": region, "weeks": weeks},
    )
    rows: list[dict[str, Any]] = await cursor.fetchall()
    return [
        Precision(**row, precision=row["accepted"] / row["decided"] if row["decided"] else None)
        for row in rows
        if row["decided"] or row["expired"]
    ]
