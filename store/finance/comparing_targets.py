"""Our side of a comparison of order targets: orders of a scope that are open or ended lately."""

from typing import Any

from schemas.base import System
from schemas.finance.reconciliation import ReconcileRun
from schemas.finance.windows import WindowScope
from schemas.messaging.effects import ChangeKind, Operation
from store.engine import Connection
from store.finance.windows import ORDER_IN, ORDERS, within

LATELY_DAYS = 7
"""An ended order is compared for so long: many runs, and a cancellation that was lost shows at the first."""
SAYING = {
    System.ERP: (Operation.REPORT_CHANGE, Operation.CONFIRM_CANCELLATION),
    System.WMS: (Operation.INSTRUCT_WAREHOUSE, Operation.AMEND_WAREHOUSE, Operation.CANCEL_WAREHOUSE),
    System.TMS: (Operation.TENDER_TRANSPORT, Operation.AMEND_TENDER, Operation.VOID_TENDER),
}
"""The effects that say what a system is to have of an order."""
CHANGES = (ChangeKind.AMENDED, ChangeKind.CLOSED_SHORT, ChangeKind.SUBSTITUTED)
"""The changes that say it to an ERP."""
AT = "coalesce(nullif(e.site, ''), o.site) = %(target)s"


def _orders(system: System) -> str:
    return f"""
        WITH o AS (
            SELECT key, number, site, status, conditions, apart, updated_at
            FROM ({ORDERS}) p
            JOIN order_view o USING (key)
            WHERE {ORDER_IN[system]}
                AND status <> 'released'
                AND (closed_at IS NULL OR closed_at > clock_timestamp() - make_interval(days => %(days)s))
        )
        SELECT o.number, o.site, o.status, o.conditions, coalesce(o.apart, '{{}}') AS apart,
            coalesce(e.owed, '{{}}') AS owed, coalesce(e.intercepted, false) AS intercepted,
            o.updated_at > s.since OR coalesce(e.told_at > s.since, false) AS young,
            coalesce(l.lines, '[]') AS lines
        FROM o
        CROSS JOIN (SELECT clock_timestamp() - make_interval(secs => %(settle_s)s) AS since) s
        LEFT JOIN LATERAL (
            SELECT
                array_agg(key ORDER BY planned_at, key) FILTER (
                    WHERE says AND outcome IN ('planned', 'failed')
                ) AS owed,
                max(done_at) FILTER (WHERE says) AS told_at,
                bool_or(operation = 'intercept_shipment' AND outcome <> 'superseded') AS intercepted
            FROM (
                SELECT e.*,
                    e.operation = ANY(%(saying)s)
                        AND (e.change IS NULL OR e.change = ANY(%(changes)s))
                        {f"AND {AT}" if system is System.WMS else ""} AS says
                FROM effect e
                WHERE e.order_key = o.key
            ) e
        ) e ON true
        LEFT JOIN LATERAL (
            SELECT jsonb_agg(
                jsonb_build_object(
                    'line', line, 'item', item, 'quantity', ordered - cancelled, 'due_on', promised_on
                )
            ) AS lines
            FROM order_line_view
            WHERE order_key = o.key
        ) l ON true
        ORDER BY o.number COLLATE "C"
    """


async def orders(
    connection: Connection, run: ReconcileRun, scope: WindowScope, settle_s: float
) -> list[dict[str, Any]]:
    """Promised orders of a scope by number: state, lines, amounts apart from the lines, what the system is `owed`,
    and whether that is `young`."""
    system = System(run.system)
    cursor = await connection.execute(
        _orders(system).encode(),
        {
            "target": run.target,
            **within(scope, scope.names),
            "settle_s": settle_s,
            "days": LATELY_DAYS,
            "saying": list(SAYING[system]),
            "changes": list(CHANGES),
        },
    )
    return [row for row in await cursor.fetchall() if scope.covers(row["number"])]


async def known(connection: Connection, numbers: list[str]) -> frozenset[str]:
    """Our orders among the numbers, whoever takes part in them and however long ago."""
    cursor = await connection.execute("SELECT number FROM order_view WHERE number = ANY(%s)", (numbers,))
    return frozenset(row["number"] for row in await cursor.fetchall())
