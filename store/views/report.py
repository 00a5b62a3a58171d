"""Figures over everything: for the report of a run, the control tower and the metrics. Read-only."""

from datetime import UTC, datetime
from typing import Any

from store.engine import Connection
from store.finance import valuation
from store.inventory import ledger, promising
from store.planning import planning

ENDED = {"closed": "delivered", "delivered": "delivered", "cancelled": "cancelled", "returned": "returned"}
BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)
KINDS = ("delivered", "cancelled", "returned", "open")
"""Ends of orders and order lines; their sum is the number of those that came in."""


async def progress(connection: Connection) -> dict[str, int]:
    """The progress of the orders, and open work; cheap enough to ask every second."""
    cursor = await connection.execute(
        """
        SELECT count(*) AS orders, count(*) FILTER (WHERE closed_at IS NOT NULL) AS ended,
            count(*) FILTER (WHERE status = 'closed') AS delivered,
            count(*) FILTER (WHERE status = 'cancelled') AS cancelled,
            count(*) FILTER (WHERE 'delayed' = ANY(conditions)) AS delayed,
            (SELECT count(*) FROM effect) AS effects,
            (SELECT count(*) FROM effect WHERE outcome <> 'done') AS owed,
            (SELECT count(*) FROM planning_delta WHERE sent_at IS NULL) + (
                SELECT count(*)
                FROM order_demand
                WHERE told_revision < revision
            ) AS unplanned,
            (SELECT count(*) FROM inbox_message) AS messages,
            (SELECT count(*) FROM inbox_message WHERE state IN ('received', 'routed')) AS in_motion,
            (SELECT count(*) FROM inbox_message WHERE state = 'quarantined') AS quarantined
        FROM order_view
        """
    )
    return dict(await cursor.fetchone() or {})


async def settled(connection: Connection) -> bool:
    """Whether nothing is under way: every message final, event answered, step confirmed, effect and delta delivered,
    and every change of supply planned.

    Work that waits for people does not count: refused effects, and deltas behind a refused row.
    """
    cursor = await connection.execute(
        f"""
        SELECT NOT EXISTS (SELECT FROM inbox_message WHERE state IN ('received', 'routed'))
            AND NOT EXISTS (SELECT FROM event_order WHERE state = 'pending')
            AND NOT EXISTS (SELECT FROM effect WHERE outcome = 'planned')
            AND NOT EXISTS (SELECT FROM head WHERE confirmed < version) AND NOT EXISTS (SELECT FROM outcome)
            AND NOT EXISTS (SELECT FROM erp_feed WHERE sent_at IS NULL AND refused IS NULL)
            AND NOT EXISTS (
                SELECT
                FROM planning_delta d
                WHERE sent_at IS NULL AND region <> '' AND NOT {planning.BLOCKED}
            ) AND NOT EXISTS (SELECT FROM order_demand d WHERE {planning.DEMAND_WAITS})
            AND NOT EXISTS (SELECT FROM repromise) AS settled
        """.encode()
    )
    row = await cursor.fetchone()
    return bool(row and row["settled"])


async def owed(connection: Connection) -> int:
    """Effects that were decided and are neither done, refused nor superseded."""
    cursor = await connection.execute("SELECT count(*)::int AS n FROM effect WHERE outcome = 'planned'")
    [row] = await cursor.fetchall()
    return int(row["n"])


async def outcomes(connection: Connection) -> dict[str, dict[str, int]]:
    """Orders, shipments and lines by how they ended. A line ended when all was delivered that was not cancelled."""
    queries = {
        "orders": "SELECT status, count(*) AS n FROM order_view GROUP BY 1",
        "shipments": """
            SELECT CASE WHEN s.status = 'delivered' THEN 'closed' ELSE o.status END AS status, count(*) AS n
            FROM shipment_order s
            JOIN order_view o ON o.key = s.order_key
            GROUP BY 1
        """,
        "lines": """
            SELECT
                CASE
                    WHEN o.status = 'returned' THEN 'returned'
                    WHEN l.cancelled = l.ordered THEN 'cancelled'
                    WHEN l.delivered = l.ordered - l.cancelled THEN 'closed'
                    WHEN o.status = 'cancelled' THEN 'cancelled'
                    ELSE 'open'
                END AS status,
                count(*) AS n
            FROM order_line_view l
            JOIN order_view o ON o.key = l.order_key
            GROUP BY 1
        """,
    }
    found = {}
    for name, query in queries.items():
        cursor = await connection.execute(query.encode())
        counts = dict.fromkeys(KINDS, 0)
        for row in await cursor.fetchall():
            counts[ENDED.get(row["status"], "open")] += row["n"]
        found[name] = {"in": sum(counts.values()), **counts}
    return found


async def punctuality(connection: Connection) -> dict[str, int]:
    """Lines on time and late by the first promise, and orders on time in full (every line, every pack)."""
    cursor = await connection.execute(
        """
        SELECT count(*) FILTER (WHERE delivered = ordered AND delivered_on <= first_promised_on) AS on_time,
            count(*) FILTER (WHERE delivered_on > first_promised_on) AS late
        FROM order_line_view
        """
    )
    lines = dict(await cursor.fetchone() or {})
    cursor = await connection.execute(
        """
        SELECT count(*) AS otif
        FROM (
            SELECT order_key
            FROM order_line_view
            GROUP BY order_key
            HAVING bool_and(delivered = ordered AND delivered_on <= first_promised_on)
        ) x
        """
    )
    return {**lines, **dict(await cursor.fetchone() or {})}


async def promises(connection: Connection) -> dict[str, int]:
    """Promised orders; delivered ones by the first and by the last promised day; and item-sites and supplies with
    more reserved than there is."""
    cursor = await connection.execute(
        """
        SELECT count(*) FILTER (WHERE first_promised_on IS NOT NULL) AS made,
            count(*) FILTER (WHERE status = 'closed' AND l.last_on <= first_promised_on) AS kept_first,
            count(*) FILTER (WHERE status = 'closed' AND l.last_on <= promised_on) AS kept_last
        FROM order_view o
        LEFT JOIN (SELECT order_key, max(delivered_on) AS last_on FROM order_line_view GROUP BY 1) l
            ON l.order_key = o.key
        """
    )
    return {**dict(await cursor.fetchone() or {}), "oversold": len(await promising.oversold(connection))}


async def books(connection: Connection) -> dict[str, int]:
    """Movements of stock that were booked, and places where packs or money are not the sum of what was booked."""
    cursor = await connection.execute("SELECT count(*) AS moves FROM stock_move")
    wrong = [*await ledger.audit(connection), *await valuation.disagreements(connection)]
    return {**dict(await cursor.fetchone() or {}), "unbalanced": len(wrong)}


async def expected_effects(connection: Connection) -> dict[str, set[str]]:
    """The key of everything that each system was owed, whether it was done or not. Refused and superseded effects are
    not owed."""
    cursor = await connection.execute("SELECT system, key FROM effect WHERE outcome IN ('planned', 'done')")
    found: dict[str, set[str]] = {"erp": set(), "wms": set(), "tms": set(), "planning": set()}
    for row in await cursor.fetchall():
        found[row["system"]].add(row["key"])
    cursor = await connection.execute(
        f"""
        SELECT key
        FROM planning_row d
        WHERE state = 'sent' OR (state = 'pending' AND NOT {planning.BLOCKED})
        """.encode()
    )
    found["planning"].update(row["key"] for row in await cursor.fetchall())
    return found


async def superseded_effects(connection: Connection) -> set[str]:
    """The keys of what nobody asks for any more: systems may have done it, and need not."""
    cursor = await connection.execute("SELECT key FROM effect WHERE outcome = 'superseded'")
    return {row["key"] for row in await cursor.fetchall()}


async def latencies_ms(connection: Connection, since: datetime = BEGINNING) -> dict[str, dict[str, float]]:
    """Milliseconds from a message's acceptance until a system got it: p50, p95, p99 for the ERP and for planning."""
    sources = {
        "erp": """
            SELECT extract(epoch FROM done_at - accepted_at) * 1000 AS ms
            FROM effect
            WHERE operation = 'report_milestone' AND outcome = 'done' AND accepted_at >= %s
        """,
        "planning": """
            SELECT extract(epoch FROM sent_at - accepted_at) * 1000 AS ms
            FROM planning_delta
            WHERE sent_at IS NOT NULL AND kind NOT LIKE 'stock:%%' AND accepted_at >= %s
        """,
    }
    found = {}
    for name, source in sources.items():
        cursor = await connection.execute(
            f"""
            SELECT percentile_cont(ARRAY[0.5, 0.95, 0.99]) WITHIN GROUP (ORDER BY ms) AS p
            FROM ({source}) x
            """.encode(),
            (since,),
        )
        row: dict[str, Any] = await cursor.fetchone() or {}
        p50, p95, p99 = [round(float(value), 1) for value in row.get("p") or (0, 0, 0)]
        found[name] = {"p50": p50, "p95": p95, "p99": p99}
    return found


async def ended_orders(connection: Connection, limit: int) -> list[str]:
    """Keys of orders that were delivered, newest first: a sample for measuring histories."""
    cursor = await connection.execute(
        "SELECT key FROM order_view WHERE status = 'closed' ORDER BY closed_at DESC LIMIT %s", (limit,)
    )
    return [row["key"] for row in await cursor.fetchall()]
