"""Projections beside the plan: supply, findings of counts, orders beyond the forecast; and the figures of the plan."""

from collections.abc import Iterable
from datetime import datetime

from schemas.planning.governor import Projected
from store.batches import RowBatch
from store.engine import Connection

SITES = "sites AS (SELECT site FROM planning_site WHERE region = %(region)s)"
"""The sites of a region. One that no order and no purchase order has named is in none yet: nobody plans it."""


SUPPLY = """
    SELECT 'supply' AS kind, s.item, s.site,
        s.ref || CASE s.kind WHEN 'purchase' THEN ' line ' || split_part(s.key, '/', 4) ELSE '' END AS source,
        (sum(s.packs) + coalesce(max(l.received - l.damaged), 0))::bigint AS packs,
        max(s.day) FILTER (WHERE s.packs > 0) AS day, max(s.day) AS last, NULL::bigint AS planned,
        bool_and(l.line IS NOT NULL) AS entire
    FROM supply s
    JOIN sites USING (site)
    LEFT JOIN purchase_line l ON s.kind = 'purchase'
        AND l.order_key = concat(split_part(s.key, '/', 2), '/po:', split_part(s.key, '/', 3))
        AND l.line::text = split_part(s.key, '/', 4)
    GROUP BY s.item, s.site, 4
    HAVING sum(s.packs) > 0 OR max(s.updated_at) > now() - interval '7 days'
"""
"""Lines of purchase orders: what is still to come, on its last day, and what has come in good condition: a receipt changes
nothing. Of other supply it is not known what has come (not `entire`), so only that it becomes more, or later, shows."""


COUNTS = """
    SELECT 'counts', b.item, sites.site, 'counts', -b.packs, NULL::date, site_day(b.updated_at, sites.site),
        NULL::bigint, true
    FROM stock_balance b
    JOIN sites ON b.place = 'adjustment:' || sites.site
"""
"""Findings of counts and picks: missing is negative. Opening stock and receipts are no findings: see `Bucket`."""


ORDERS = """
    SELECT 'orders', p.item, p.site, concat('orders ', p.bucket, ' ', p.period), p.packs, NULL::date,
        p.period, f.packs, true
    FROM (
        SELECT d.item, d.site, b.bucket, date_trunc(b.bucket, d.day)::date AS period,
            sum(d.packs)::bigint AS packs
        FROM demand d
        CROSS JOIN (VALUES ('day'), ('week'), ('month')) b(bucket)
        GROUP BY 1, 2, 3, 4
    ) p
    JOIN LATERAL (
        SELECT packs
        FROM forecast
        WHERE (item, site, bucket, period) = (p.item, p.site, p.bucket, p.period)
        ORDER BY made_at DESC, version DESC LIMIT 1
    ) f ON p.packs > f.packs
    WHERE p.period >= date_trunc(p.bucket, site_day(%(now)s, p.site)::timestamp)::date
"""
"""Demand of orders beyond the newest forecast, by the periods in which it was made. Without a forecast no planned
demand can be exceeded: such an order is promised from supply, and that is all."""


SINCE = """
    (
        SELECT least(date_trunc('week', d), date_trunc('month', d))::date::text
        FROM (SELECT day_in(%(now)s, 'UTC-12:00')::timestamp AS d) x
    )
"""
"""SQL: nothing before this day is in a week or month that is not over: the clock of UTC-12 is the last one anywhere."""


PROJECTED = f"""
    WITH {SITES}, demand AS (
        SELECT l.item, o.site, (o.release ->> 'requested_on')::timestamp AS day,
            sum(l.ordered - l.cancelled) AS packs
        FROM order_view o
        JOIN sites USING (site)
        JOIN order_line_view l ON l.order_key = o.key
        WHERE (o.release ->> 'requested_on') >= {SINCE}
        GROUP BY 1, 2, 3
    ),
    found AS ({SUPPLY} UNION ALL {COUNTS} UNION ALL {ORDERS}),
    beside AS (
        SELECT p.item, p.site, p.source, k.changed_at,
            CASE
                WHEN p.kind = 'orders' OR NOT p.entire THEN greatest(p.packs, k.packs)
                ELSE p.packs
            END AS packs,
            CASE p.kind WHEN 'supply' THEN coalesce(p.day, k.day, p.last) ELSE p.last END AS day,
            CASE p.kind
                WHEN 'supply' THEN k.packs
                WHEN 'orders' THEN greatest(p.planned, k.packs)
                ELSE coalesce(k.packs, 0)
            END AS planned_packs,
            CASE p.kind WHEN 'supply' THEN k.day ELSE p.last END AS planned_day
        FROM found p
        LEFT JOIN seen_projection k USING (item, site, source)
    )
    SELECT *
    FROM beside
    WHERE planned_day IS NULL OR changed_at IS NOT NULL OR packs <> planned_packs OR day <> planned_day
    ORDER BY item, site, source
"""
"""Everything that is projected beside what the plan goes by, unless both are the same. Missing packs and orders beyond the
forecast were never planned."""


NAMED = RowBatch[Projected](item="text", site="text", source="text")
PLANNED = RowBatch[Projected](item="text", site="text", source="text", packs="bigint", day="date")
DIFFERING = RowBatch[Projected](
    item="text",
    site="text",
    source="text",
    packs=("bigint", lambda it: it.planned_packs or 0),
    day=("date", lambda it: it.planned_day or it.day),
)


async def projected(connection: Connection, region: str, now: datetime) -> list[Projected]:
    """Projections of a region that are new, or differ from the plan, or did so at the last look. Days are those of
    the sites."""
    cursor = await connection.execute(PROJECTED.encode(), {"region": region, "now": now})
    return [Projected.model_validate(row) for row in await cursor.fetchall()]


async def remember(connection: Connection, found: Iterable[Projected]) -> None:
    """The plan goes by these from now on."""
    await connection.execute(
        f"""
        INSERT INTO seen_projection ({PLANNED.names})
        SELECT *
        FROM {PLANNED.rows}
        ON CONFLICT (item, site, source) DO UPDATE
        SET packs = excluded.packs, day = excluded.day, changed_at = NULL
        """.encode(),
        PLANNED.arrays(found),
    )


async def differing(
    connection: Connection, region: str, changing: Iterable[Projected], found: Iterable[Projected], now: datetime
) -> None:
    """Those that are `changing` differ from the plan since now; of the others, those that are not `found` any more do not.

    A clock alone does not make demand beyond the forecast part of the plan: 0 packs are noted of it.
    """
    await connection.execute(
        f"""
        WITH {SITES}
        UPDATE seen_projection k
        SET changed_at = NULL
        FROM sites
        WHERE k.site = sites.site
            AND changed_at IS NOT NULL
            AND NOT EXISTS (
                SELECT
                FROM {NAMED.rows}
                WHERE (x.item, x.site, x.source) = (k.item, k.site, k.source)
            )
        """.encode(),
        {"region": region, **NAMED.arrays(found)},
    )
    await connection.execute(
        f"""
        INSERT INTO seen_projection ({DIFFERING.names}, changed_at)
        SELECT item, site, source, CASE WHEN source LIKE 'orders %%' THEN 0 ELSE packs END, day, %(now)s
        FROM {DIFFERING.rows}
        ON CONFLICT (item, site, source) DO UPDATE
        SET changed_at = excluded.changed_at
        """.encode(),
        {"now": now, **DIFFERING.arrays(changing)},
    )
