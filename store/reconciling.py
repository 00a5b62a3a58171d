"""Reconciliation: what our own books say for a comparison, what is under way, and the differences that were found.

A movement and what other systems are told of it are written by one transaction and bear its time: that is how what is
still to be told leads to the packs that it is about.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from schemas.base import System
from schemas.reconciling import Difference, DifferenceState, DifferenceView, ReconcileRun
from schemas.stock import Figure
from store.engine import Connection

UNTOLD = {
    System.ERP: "SELECT key, order_key AS ref, planned_at AS at FROM effect WHERE system = 'erp' AND outcome <> 'done' "
    "AND order_key LIKE %(target)s || '/%%'",
    System.PLANNING: "SELECT key, order_key AS ref, created_at AS at FROM planning_delta WHERE sent_at IS NULL "
    "AND region = %(target)s",
}
"""What a system has not been told, or not confirmed."""
COLUMNS = (
    "id, system, target, about, subject, item, place, class AS kind, ours, theirs, explained_by, owner, proposal, state, "
    "coalesce(case_id, '') AS case, first_seen, last_seen, closed_at"
)


async def figures(connection: Connection, run: ReconcileRun) -> list[Figure]:
    """Our balances in the scope of a run: of a warehouse its site, of planning the sites and shipments of its region, of
    an ERP all but what moved for orders of another one."""
    query = "SELECT item, place, packs FROM stock_balance WHERE packs <> 0"
    if run.system == System.WMS:
        query += " AND split_part(place, ':', 2) = %(target)s AND place NOT LIKE 'transit:%%'"
    elif run.system == System.PLANNING:
        query += (
            " AND (split_part(place, ':', 2) IN (SELECT site FROM order_view WHERE region = %(target)s) OR "
            "split_part(place, ':', 2) IN (SELECT s.shipment FROM shipment_order s JOIN order_view o ON "
            "o.key = s.order_key WHERE o.region = %(target)s))"
        )
    else:
        query = (
            "SELECT item, place, sum(packs)::bigint AS packs FROM (SELECT item, place, packs FROM stock_balance "
            "UNION ALL SELECT e.item, e.place, -e.packs FROM stock_entry e JOIN stock_move m ON m.key = e.move_key "
            "WHERE m.source IN ('order', 'return') AND split_part(m.ref, '/', 1) <> %(target)s) x "
            "GROUP BY 1, 2 HAVING sum(packs) <> 0"
        )
    cursor = await connection.execute(query.encode(), {"target": run.target})
    return [Figure.model_validate(row) for row in await cursor.fetchall()]


async def sites_of(connection: Connection, region: str) -> frozenset[str]:
    """The sites that orders of a region are shipped from."""
    cursor = await connection.execute("SELECT DISTINCT site FROM order_view WHERE region = %s", (region,))
    return frozenset(row["site"] for row in await cursor.fetchall())


async def untold(connection: Connection, run: ReconcileRun) -> list[dict[str, Any]]:
    """(by, item, place, packs) of movements that the system has not been told of."""
    if run.system not in UNTOLD:
        return []
    cursor = await connection.execute(
        f"WITH owed AS ({UNTOLD[System(run.system)]}) SELECT x.by, e.item, e.place, e.packs FROM (SELECT m.key, "
        "min(owed.key) AS by FROM owed JOIN stock_move m ON m.ref = owed.ref AND m.booked_at = owed.at GROUP BY 1) x "
        "JOIN stock_entry e ON e.move_key = x.key".encode(),
        {"target": run.target},
    )
    return await cursor.fetchall()


async def unplaced(connection: Connection, partner: str, limit: int = 20) -> list[str]:
    """Messages of a partner that have moved none of our books yet, the oldest first: how each is called and why."""
    cursor = await connection.execute(
        "SELECT m.id, m.state FROM inbox_message m WHERE m.partner = %(partner)s AND (m.state IN ('received', "
        "'quarantined') OR (m.state = 'routed' AND EXISTS (SELECT FROM event e JOIN event_order o ON o.event = e.id "
        "WHERE e.inbox_id = m.id AND o.state = 'pending'))) ORDER BY m.id LIMIT %(limit)s",
        {"partner": partner, "limit": limit},
    )
    return [f"message {row['id']} ({row['state']})" for row in await cursor.fetchall()]


async def moved(
    connection: Connection, items: Iterable[str], settle_s: float, limit: int = 2000
) -> list[dict[str, Any]]:
    """(key, item, place, packs, young) of the newest movements of items; `young` when booked within `settle_s`."""
    cursor = await connection.execute(
        "SELECT m.key, e.item, e.place, e.packs, m.booked_at > clock_timestamp() - make_interval(secs => %s) AS young "
        "FROM stock_entry e JOIN stock_move m ON m.key = e.move_key WHERE e.item = ANY(%s) "
        "ORDER BY m.booked_at DESC LIMIT %s",
        (settle_s, list(items), limit),
    )
    return await cursor.fetchall()


async def known_items(connection: Connection, items: Iterable[str]) -> frozenset[str]:
    """Those that our ledger has ever seen."""
    cursor = await connection.execute("SELECT DISTINCT item FROM stock_balance WHERE item = ANY(%s)", (list(items),))
    return frozenset(row["item"] for row in await cursor.fetchall())


async def orders(connection: Connection, erp: str, settle_s: float) -> list[dict[str, Any]]:
    """(number, status, owed, young) of the orders of an ERP: `owed` are effects that it has not confirmed."""
    cursor = await connection.execute(
        "SELECT o.number, o.status, o.updated_at > clock_timestamp() - make_interval(secs => %s) AS young, "
        "coalesce((SELECT array_agg(e.key ORDER BY e.planned_at, e.key) FROM effect e WHERE e.order_key = o.key "
        "AND e.system = 'erp' AND e.outcome <> 'done'), '{}') AS owed FROM order_view o WHERE o.erp = %s",
        (settle_s, erp),
    )
    return await cursor.fetchall()


async def effects(connection: Connection, run: ReconcileRun) -> dict[str, bool]:
    """Key → whether it was confirmed, of our effects at the run's target; refused ones are not expected there."""
    scope = {
        System.ERP: "order_key LIKE %(target)s || '/%%'",
        System.WMS: "coalesce(nullif(e.site, ''), (SELECT o.site FROM order_view o WHERE o.key = e.order_key)) = %(target)s",
    }.get(System(run.system), "true")
    cursor = await connection.execute(
        f"SELECT key, outcome = 'done' AS done FROM effect e WHERE system = %(system)s AND outcome <> 'failed' AND "
        f"{scope}".encode(),
        {"system": run.system, "target": run.target},
    )
    return {row["key"]: row["done"] for row in await cursor.fetchall()}


async def targets(connection: Connection) -> list[ReconcileRun]:
    """Whom to compare with: the warehouse of each site, each ERP, planning of each region."""
    cursor = await connection.execute(
        "SELECT 'erp' AS system, erp AS target FROM order_view UNION SELECT 'wms', site FROM order_view "
        "WHERE variant = 'distribution_centre' UNION SELECT 'planning', region FROM order_view ORDER BY 1, 2"
    )
    return [ReconcileRun.model_validate(row) for row in await cursor.fetchall()]


async def begun(connection: Connection, run: ReconcileRun, id: str, now: datetime) -> None:
    """A run has begun; a repeat of it begins anew."""
    await connection.execute(
        "INSERT INTO reconciliation_run (id, system, target, started_at) VALUES (%s, %s, %s, %s) ON CONFLICT (id) "
        "DO UPDATE SET started_at = excluded.started_at, finished_at = NULL, error = NULL",
        (id, run.system, run.target, now),
    )


async def ended(
    connection: Connection,
    id: str,
    compared: int = 0,
    differences: int = 0,
    explained: int = 0,
    error: str | None = None,
) -> None:
    """What became of a run."""
    await connection.execute(
        "UPDATE reconciliation_run SET finished_at = clock_timestamp(), compared = %s, differences = %s, explained = %s, "
        "error = %s WHERE id = %s",
        (compared, differences, explained, error, id),
    )


async def open_ones(connection: Connection, run: ReconcileRun) -> dict[str, dict[str, Any]]:
    """Differences of a run's system that have not vanished, by subject. Locked, so that two runs wait for each other."""
    await connection.execute(
        "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (f"{run.system}/{run.target}/reconcile",)
    )
    cursor = await connection.execute(
        "SELECT d.subject, d.ours, d.theirs, d.state, d.first_seen, d.case_id, c.state AS case_state FROM difference d "
        "LEFT JOIN exception_case c ON c.id = d.case_id WHERE d.system = %s AND d.target = %s AND d.closed_at IS NULL",
        (run.system, run.target),
    )
    return {row["subject"]: row for row in await cursor.fetchall()}


async def keep(
    connection: Connection,
    run: ReconcileRun,
    found: Iterable[tuple[Difference, DifferenceState, str | None]],
    now: datetime,
) -> None:
    """Write differences with their states and cases; those that are not among them have vanished and are closed."""
    subjects = []
    for difference, state, case in found:
        subjects.append(difference.subject)
        await connection.execute(
            "INSERT INTO difference AS d (system, target, about, subject, item, place, class, ours, theirs, explained_by, "
            "owner, proposal, state, case_id, first_seen, last_seen) VALUES (%(system)s, %(target)s, %(about)s, "
            "%(subject)s, %(item)s, %(place)s, %(kind)s, %(ours)s, %(theirs)s, %(explained_by)s, %(owner)s, %(proposal)s, "
            "%(state)s, %(case)s, %(now)s, %(now)s) ON CONFLICT (system, target, subject) WHERE closed_at IS NULL "
            "DO UPDATE SET class = excluded.class, ours = excluded.ours, theirs = excluded.theirs, "
            "explained_by = excluded.explained_by, owner = excluded.owner, proposal = excluded.proposal, "
            "state = excluded.state, case_id = excluded.case_id, last_seen = excluded.last_seen",
            {
                **difference.model_dump(mode="json"),
                "system": run.system,
                "target": run.target,
                "state": state,
                "case": case,
                "now": now,
            },
        )
    await connection.execute(
        "UPDATE difference SET state = 'closed', closed_at = %s WHERE system = %s AND target = %s AND closed_at IS NULL "
        "AND subject <> ALL(%s)",
        (now, run.system, run.target, subjects),
    )


async def last_case(connection: Connection, run: ReconcileRun) -> dict[str, Any] | None:
    """(number, open, findings) of the newest case of a run's system; None when there was none."""
    cursor = await connection.execute(
        "SELECT split_part(id, '/', 5)::int AS number, closed_at IS NULL AS open, findings FROM exception_case "
        "WHERE order_key = %s AND kind = 'stock_difference' ORDER BY 1 DESC LIMIT 1",
        (run.case_order,),
    )
    return await cursor.fetchone()


async def listing(connection: Connection, *, open_only: bool = True, limit: int = 100) -> list[DifferenceView]:
    """Differences, the newest first."""
    cursor = await connection.execute(
        f"SELECT {COLUMNS} FROM difference WHERE NOT %s OR closed_at IS NULL ORDER BY id DESC LIMIT %s".encode(),
        (open_only, limit),
    )
    return [DifferenceView.model_validate(row) for row in await cursor.fetchall()]


async def runs(connection: Connection, limit: int = 50) -> list[dict[str, Any]]:
    """Runs, the newest first."""
    cursor = await connection.execute(
        "SELECT id, system, target, started_at, finished_at, compared, differences, explained, error "
        "FROM reconciliation_run ORDER BY started_at DESC, id LIMIT %s",
        (limit,),
    )
    return await cursor.fetchall()
