"""Connected systems that have stopped answering, as the ledger of effects and the planning feed show it."""

from typing import Any

from store.engine import Connection

FAILING = """
    SELECT e.system,
        CASE e.system
            WHEN 'wms' THEN coalesce(nullif(e.site, ''), o.site, '')
            WHEN 'erp' THEN split_part(e.order_key, '/', 1)
            ELSE coalesce(o.region, '')
        END AS target,
        e.planned_at
    FROM effect e
    LEFT JOIN order_view o ON o.key = e.order_key
    WHERE e.outcome = 'planned' AND e.attempts > 0 AND e.error IS NOT NULL
"""
"""Effects that were tried and not answered, by the system's own target: a site, an ERP, a region."""


async def silent(connection: Connection, after_s: float) -> list[dict[str, Any]]:
    """(system, target, since) of systems that owe an answer for `after_s` seconds. A system that has answered something
    newer is left out: one bad effect among answered ones is no outage."""
    cursor = await connection.execute(
        f"""
        WITH failing AS ({FAILING}),
        waits AS (
            SELECT system, target, min(planned_at) AS since, max(planned_at) AS newest
            FROM failing
            GROUP BY 1, 2
            HAVING min(planned_at) < clock_timestamp() - make_interval(secs => %(after_s)s)
        )
        SELECT system, target, since
        FROM waits w
        WHERE NOT EXISTS (
            SELECT
            FROM effect d
            LEFT JOIN order_view o ON o.key = d.order_key
            WHERE d.system = w.system
                AND d.outcome = 'done'
                AND d.done_at > w.newest
                AND CASE d.system
                    WHEN 'wms' THEN coalesce(nullif(d.site, ''), o.site, '')
                    WHEN 'erp' THEN split_part(d.order_key, '/', 1)
                    ELSE coalesce(o.region, '')
                END = w.target
        )
        UNION ALL
        SELECT 'planning', region, min(created_at)
        FROM planning_delta p
        WHERE sent_at IS NULL AND flush IS NOT NULL AND region <> ''
        GROUP BY 2
        HAVING min(created_at) < clock_timestamp() - make_interval(secs => %(after_s)s)
            AND NOT EXISTS (
                SELECT
                FROM planning_delta s
                WHERE s.region = p.region
                    AND s.sent_at > clock_timestamp() - make_interval(secs => %(after_s)s)
            )
        ORDER BY 1, 2
        """.encode(),
        {"after_s": after_s},
    )
    return await cursor.fetchall()
