"""The re-plan governor's books: what is projected, what the plan goes by, and what planners were asked per item and site."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any

from psycopg.types.json import Jsonb

from schemas.ids import StockProposalKey
from schemas.planning.governor import PlanDecision, Precision, Projected, Question, StockProposalView, StockReplan
from store.engine import Connection

SITES = "sites AS (SELECT site FROM planning_site WHERE region = %(region)s)"
"""The sites of a region. One that no order and no purchase order has named is in none yet: nobody plans it."""

SUPPLY = (
    "SELECT 'supply' AS kind, s.item, s.site, s.ref || CASE s.kind WHEN 'purchase' THEN ' line ' || "
    "split_part(s.key, '/', 4) ELSE '' END AS source, (sum(s.packs) + coalesce(max(l.received - l.damaged), 0))::bigint "
    "AS packs, max(s.day) FILTER (WHERE s.packs > 0) AS day, max(s.day) AS last, NULL::bigint AS planned, "
    "bool_and(l.line IS NOT NULL) AS entire FROM supply s JOIN sites USING (site) LEFT JOIN purchase_line l ON "
    "s.kind = 'purchase' AND l.order_key = concat(split_part(s.key, '/', 2), '/po:', split_part(s.key, '/', 3)) "
    "AND l.line::text = split_part(s.key, '/', 4) GROUP BY s.item, s.site, 4 "
    "HAVING sum(s.packs) > 0 OR max(s.updated_at) > now() - interval '7 days'"
)
"""Lines of purchase orders: what is still to come, on its last day, and what has come in good condition: a receipt changes
nothing. Of other supply it is not known what has come (not `entire`), so only that it becomes more, or later, shows."""

COUNTS = (
    "SELECT 'counts', b.item, sites.site, 'counts', -b.packs, NULL::date, site_day(b.updated_at, sites.site), NULL::bigint, true "
    "FROM stock_balance b JOIN sites ON b.place = 'adjustment:' || sites.site"
)
"""What counts and picks have found: missing is negative. Opening stock and receipts are no findings: see `Bucket`."""

ORDERS = (
    "SELECT 'orders', p.item, p.site, concat('orders ', p.bucket, ' ', p.period), p.packs, NULL::date, p.period, f.packs, "
    "true FROM (SELECT d.item, d.site, b.bucket, date_trunc(b.bucket, d.day)::date AS period, sum(d.packs)::bigint AS packs "
    "FROM demand d CROSS JOIN (VALUES ('day'), ('week'), ('month')) b(bucket) GROUP BY 1, 2, 3, 4) p JOIN LATERAL "
    "(SELECT packs FROM forecast WHERE (item, site, bucket, period) = (p.item, p.site, p.bucket, p.period) "
    "ORDER BY made_at DESC, version DESC LIMIT 1) f ON p.packs > f.packs "
    "WHERE p.period >= date_trunc(p.bucket, site_day(%(now)s, p.site)::timestamp)::date"
)
"""What orders want beyond the newest forecast, by the periods in which it was made. Where nobody forecasts, nobody has
planned a demand that could be exceeded: such an order is promised from supply, and that is all."""

VIEW = (
    "'stock/' || id AS id, region, item, site, packs, day, slipped_days, causes, summary, item_class, state, raised_at, "
    "expires_at, decided_by, decided_at, decision_reason, override_day, override_packs, told_at, refused"
)
"""The columns of `StockProposalView`."""

SINCE = (
    "(SELECT least(date_trunc('week', d), date_trunc('month', d))::date::text FROM (SELECT "
    "day_in(%(now)s, 'UTC-12:00')::timestamp AS d) x)"
)
"""SQL: nothing before this day is in a week or month that is not over: the clock of UTC-12 is the last one anywhere."""

PROJECTED = (
    f"WITH {SITES}, demand AS (SELECT l.item, o.site, (o.release ->> 'requested_on')::timestamp AS day, "
    "sum(l.ordered - l.cancelled) AS packs FROM order_view o JOIN sites USING (site) JOIN order_line_view l "
    f"ON l.order_key = o.key WHERE (o.release ->> 'requested_on') >= {SINCE} GROUP BY 1, 2, 3), "
    f"found AS ({SUPPLY} UNION ALL {COUNTS} UNION ALL {ORDERS}), beside AS (SELECT p.item, p.site, p.source, k.changed_at, "
    "CASE WHEN p.kind = 'orders' OR NOT p.entire THEN greatest(p.packs, k.packs) ELSE p.packs END AS packs, "
    "CASE p.kind WHEN 'supply' THEN coalesce(p.day, k.day, p.last) ELSE p.last END AS day, "
    "CASE p.kind WHEN 'supply' THEN k.packs WHEN 'orders' THEN greatest(p.planned, k.packs) ELSE coalesce(k.packs, 0) END "
    "AS planned_packs, CASE p.kind WHEN 'supply' THEN k.day ELSE p.last END AS planned_day "
    "FROM found p LEFT JOIN seen_projection k USING (item, site, source)) SELECT * FROM beside WHERE planned_day IS NULL "
    "OR changed_at IS NOT NULL OR packs <> planned_packs OR day <> planned_day ORDER BY item, site, source"
)
"""Everything that is projected beside what the plan goes by, unless both are the same. Missing packs and orders beyond the
forecast were never planned."""


async def projected(connection: Connection, region: str, now: datetime) -> list[Projected]:
    """What is projected now in a region and is new, or differs from the plan, or did so at the last look. Days are those
    of the sites."""
    cursor = await connection.execute(PROJECTED.encode(), {"region": region, "now": now})
    return [Projected.model_validate(row) for row in await cursor.fetchall()]


async def questions(connection: Connection, region: str) -> list[Question]:
    """Open proposals of a region. Nobody decides on them until the transaction ends."""
    cursor = await connection.execute(
        "SELECT id, item, site, raised_at, causes FROM stock_proposal WHERE region = %s AND state = 'open' ORDER BY id "
        "FOR UPDATE",
        (region,),
    )
    return [Question.model_validate(row) for row in await cursor.fetchall()]


async def remember(connection: Connection, found: Iterable[Projected]) -> None:
    """The plan goes by these from now on."""
    rows = list(found)
    await connection.execute(
        "INSERT INTO seen_projection (item, site, source, packs, day) SELECT * FROM unnest(%s::text[], %s::text[], "
        "%s::text[], %s::bigint[], %s::date[]) ON CONFLICT (item, site, source) DO UPDATE SET packs = excluded.packs, "
        "day = excluded.day, changed_at = NULL",
        (*_named(rows), [it.packs for it in rows], [it.day for it in rows]),
    )


async def differing(
    connection: Connection, region: str, changing: Iterable[Projected], found: Iterable[Projected], now: datetime
) -> None:
    """Those that are `changing` differ from the plan since now; of the others, those that are not `found` any more do not.

    A clock alone does not make demand beyond the forecast part of the plan: 0 packs are noted of it.
    """
    await connection.execute(
        f"WITH {SITES} UPDATE seen_projection k SET changed_at = NULL FROM sites WHERE k.site = sites.site "
        "AND changed_at IS NOT NULL AND NOT EXISTS (SELECT FROM unnest(%(items)s::text[], %(sites)s::text[], "
        "%(sources)s::text[]) AS x(item, site, source) WHERE (x.item, x.site, x.source) = (k.item, k.site, k.source))".encode(),
        {"region": region, **dict(zip(("items", "sites", "sources"), _named(list(found)), strict=True))},
    )
    rows = list(changing)
    await connection.execute(
        "INSERT INTO seen_projection (item, site, source, packs, day, changed_at) SELECT i, s, f, CASE WHEN f LIKE "
        "'orders %%' THEN 0 ELSE p END, d, %s FROM unnest(%s::text[], %s::text[], %s::text[], %s::bigint[], %s::date[]) "
        "AS x(i, s, f, p, d) ON CONFLICT (item, site, source) DO UPDATE SET changed_at = excluded.changed_at",
        (now, *_named(rows), [it.planned_packs or 0 for it in rows], [it.planned_day or it.day for it in rows]),
    )


def _named(rows: list[Projected]) -> tuple[list[str], list[str], list[str]]:
    return [it.item for it in rows], [it.site for it in rows], [it.source for it in rows]


async def propose(
    connection: Connection, region: str, found: Iterable[StockReplan], now: datetime, ttl_s: float
) -> None:
    """Put re-plans before the planner. An item and site that are asked about already must have been withdrawn."""
    rows = list(found)
    await connection.execute(
        "INSERT INTO stock_proposal (region, item, site, packs, day, slipped_days, causes, summary, item_class, raised_at, "
        "expires_at) SELECT %s, i, s, p, d, n, c, t, k, %s, %s FROM unnest(%s::text[], %s::text[], %s::bigint[], "
        "%s::date[], %s::int[], %s::jsonb[], %s::text[], %s::text[]) AS x(i, s, p, d, n, c, t, k)",
        (
            region,
            now,
            now + timedelta(seconds=ttl_s),
            [it.item for it in rows],
            [it.site for it in rows],
            [it.packs for it in rows],
            [it.day for it in rows],
            [it.slipped_days for it in rows],
            [Jsonb([cause.model_dump(mode="json") for cause in it.causes]) for it in rows],
            [it.summary for it in rows],
            [it.item_class for it in rows],
        ),
    )


async def withdraw(connection: Connection, numbers: Iterable[int], now: datetime) -> None:
    """Take these back: the change has gone back, or another question takes their place."""
    await connection.execute(
        "UPDATE stock_proposal SET state = 'withdrawn', decided_at = %s WHERE id = ANY(%s) AND state = 'open'",
        (now, list(numbers)),
    )


async def expire(connection: Connection, region: str, now: datetime) -> int:
    """Close what nobody has decided in time; how many. The plan stays, so a change that lasts is asked about anew."""
    cursor = await connection.execute(
        "UPDATE stock_proposal SET state = 'expired', decided_at = %s WHERE region = %s AND state = 'open' "
        "AND expires_at <= %s",
        (now, region, now),
    )
    return cursor.rowcount


async def decide(
    connection: Connection,
    number: int,
    state: str,
    by: str,
    reason: str,
    day: date | None = None,
    packs: int | None = None,
) -> StockProposalView | None:
    """A planner's decision; the same one again changes nothing. None: there is no such proposal. The plan goes by what was
    proposed from now on, or is known to be kept: either way nobody is asked about it again. Needs a transaction.

    Raises ValueError with its state when it was decided otherwise, has expired or was withdrawn.
    """
    cursor = await connection.execute(
        "WITH decided AS (UPDATE stock_proposal SET state = %(state)s, decided_by = %(by)s, decided_at = clock_timestamp(), "
        "decision_reason = %(reason)s, override_day = %(day)s, override_packs = %(packs)s WHERE id = %(id)s "
        "AND state = 'open' RETURNING item, site, causes), "
        "planned AS (INSERT INTO seen_projection (item, site, source, packs, day) SELECT item, site, c.source, c.to_packs, "
        "c.to_day FROM decided, jsonb_to_recordset(causes) AS c(source text, to_packs bigint, to_day date) "
        "WHERE c.to_day IS NOT NULL ON CONFLICT (item, site, source) DO UPDATE SET packs = excluded.packs, "
        "day = excluded.day, changed_at = NULL) SELECT FROM decided",
        {"state": state, "by": by, "reason": reason, "day": day, "packs": packs, "id": number},
    )
    found = await listing(connection, open_only=False, number=number)
    if not found:
        return None
    [view] = found
    known = (view.state, view.decided_by, view.override_day, view.override_packs)
    if not cursor.rowcount and known != (state, by, day, packs):
        raise ValueError(view.state)
    return view


async def untold(connection: Connection, region: str, limit: int) -> list[PlanDecision]:
    """Decisions that planning has not got, the oldest first."""
    cursor = await connection.execute(
        "SELECT 'stock/' || id AS proposal, item, site, region, state AS verdict, causes, override_packs AS packs, "
        "override_day AS day, decision_reason AS reason, decided_by, decided_at FROM stock_proposal WHERE region = %s "
        "AND state IN ('accepted', 'rejected', 'overridden') AND told_at IS NULL AND refused IS NULL "
        "ORDER BY stock_proposal.id LIMIT %s",
        (region, limit),
    )
    return [PlanDecision.model_validate(row) for row in await cursor.fetchall()]


async def told(connection: Connection, proposal: str, refused: str | None = None) -> None:
    """Planning has a decision, or would not take it for this rule."""
    await connection.execute(
        "UPDATE stock_proposal SET told_at = clock_timestamp(), refused = %s WHERE id = %s",
        (refused, StockProposalKey.parse(proposal).number),
    )


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
        f"SELECT {VIEW} FROM stock_proposal WHERE (NOT %(open_only)s OR state = 'open') "
        "AND (%(region)s::text IS NULL OR region = %(region)s) AND (%(number)s::bigint IS NULL OR id = %(number)s) "
        "ORDER BY raised_at DESC, stock_proposal.id DESC LIMIT %(limit)s".encode(),
        {"open_only": open_only, "region": region, "limit": limit, "number": number},
    )
    return [StockProposalView.model_validate(row) for row in await cursor.fetchall()]


async def over(connection: Connection, region: str | None, limit: int) -> list[StockProposalView]:
    """Proposals that were decided or have expired, the newest first."""
    cursor = await connection.execute(
        f"SELECT {VIEW} FROM stock_proposal WHERE state NOT IN ('open', 'withdrawn') "
        "AND (%(region)s::text IS NULL OR region = %(region)s) ORDER BY decided_at DESC LIMIT %(limit)s".encode(),
        {"region": region, "limit": limit},
    )
    return [StockProposalView.model_validate(row) for row in await cursor.fetchall()]


async def precision(connection: Connection, region: str | None = None, weeks: int = 8) -> list[Precision]:
    """Re-plan precision by week, of proposals per order and per item and site together.

    It is accepted ÷ proposals: one that expired counts, because it was put before planners for nothing. One that was
    withdrawn does not: it went away by itself, or another took its place.
    """
    cursor = await connection.execute(
        "SELECT date_trunc('week', decided_at)::date AS week, count(*) FILTER (WHERE state = 'accepted')::int AS accepted, "
        "count(*) FILTER (WHERE state IN ('accepted', 'rejected', 'overridden'))::int AS decided, "
        "count(*) FILTER (WHERE state = 'expired')::int AS expired FROM (SELECT region, state, decided_at FROM "
        "stock_proposal UNION ALL SELECT region, state, decided_at FROM replan_proposal) p WHERE decided_at IS NOT NULL "
        "AND state <> 'withdrawn' AND (%(region)s::text IS NULL OR region = %(region)s) "
        "GROUP BY 1 ORDER BY 1 DESC LIMIT %(weeks)s",
        {"region": region, "weeks": weeks},
    )
    rows: list[dict[str, Any]] = await cursor.fetchall()
    return [Precision(**row, precision=row["accepted"] / (row["decided"] + row["expired"])) for row in rows]
