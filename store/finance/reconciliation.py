"""Runs of reconciliation, and the differences that they found."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from schemas.finance.reconciliation import Difference, DifferenceState, DifferenceView, ReconcileRun
from schemas.ids import CaseKey
from store.engine import Connection

COLUMNS = """
    id, system, target, about, subject, item, place, class AS kind, ours, theirs, explained_by, owner,
    proposal, state, coalesce(case_id, '') AS case, first_seen, last_seen, closed_at
"""


async def begun(connection: Connection, run: ReconcileRun, id: str, now: datetime) -> None:
    """A run has begun; a repeat of it begins anew."""
    await connection.execute(
        """
        INSERT INTO reconciliation_run (id, system, target, started_at)
        VALUES (%s, %s, %s, %s)
        ON CONFLICT (id) DO UPDATE
        SET started_at = excluded.started_at, finished_at = NULL, error = NULL
        """,
        (id, run.system, run.target, now),
    )


async def ended(
    connection: Connection,
    id: str,
    compared: int = 0,
    differences: int = 0,
    explained: int = 0,
    error: str | None = None,
    upto: str = "",
) -> None:
    """The outcome of a run. `upto`: the progress of one of the audit trail."""
    await connection.execute(
        """
        UPDATE reconciliation_run
        SET finished_at = clock_timestamp(), compared = %s, differences = %s, explained = %s, error = %s,
            upto = %s
        WHERE id = %s
        """,
        (compared, differences, explained, error, upto, id),
    )


async def begins_behind(connection: Connection, run: ReconcileRun) -> str:
    """Behind what a run goes on: where the last one that ended well stopped."""
    cursor = await connection.execute(
        """
        SELECT upto
        FROM reconciliation_run
        WHERE system = %s AND target = %s AND finished_at IS NOT NULL AND error IS NULL
        ORDER BY started_at DESC LIMIT 1
        """,
        (run.system, run.target),
    )
    row = await cursor.fetchone()
    return row["upto"] if row else ""


async def open_ones(connection: Connection, run: ReconcileRun) -> dict[str, dict[str, Any]]:
    """Differences of a run's system that have not vanished, by subject. Locked, so that two runs wait for each other."""
    await connection.execute(
        "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (f"{run.system}/{run.target}/reconcile",)
    )
    cursor = await connection.execute(
        """
        SELECT d.subject, d.ours, d.theirs, d.state, d.first_seen, d.case_id, c.state AS case_state
        FROM difference d
        LEFT JOIN exception_case c ON c.id = d.case_id
        WHERE d.system = %s AND d.target = %s AND d.closed_at IS NULL
        """,
        (run.system, run.target),
    )
    return {row["subject"]: row for row in await cursor.fetchall()}


async def differences(connection: Connection, run: ReconcileRun) -> list[Difference]:
    """Differences of a run's system that have not vanished, as they were found last."""
    cursor = await connection.execute(
        """
        SELECT about, subject, item, place, class AS kind, ours, theirs, explained_by, owner, proposal
        FROM difference
        WHERE system = %s AND target = %s AND closed_at IS NULL
        ORDER BY id
        """,
        (run.system, run.target),
    )
    return [Difference.model_validate(row) for row in await cursor.fetchall()]


async def open_places(connection: Connection, run: ReconcileRun) -> list[tuple[str, str]]:
    """(item, place) of a run's differences that have not vanished."""
    cursor = await connection.execute(
        """
        SELECT item, place
        FROM difference
        WHERE system = %s AND target = %s AND closed_at IS NULL
        ORDER BY id
        """,
        (run.system, run.target),
    )
    return [(row["item"], row["place"]) for row in await cursor.fetchall()]


async def find(connection: Connection, id: int) -> DifferenceView | None:
    """A difference by its number, or None."""
    cursor = await connection.execute(f"SELECT {COLUMNS} FROM difference WHERE id = %s".encode(), (id,))
    row = await cursor.fetchone()
    return DifferenceView.model_validate(row) if row else None


async def of_case(connection: Connection, case: str) -> list[DifferenceView]:
    """The differences of a case that have not vanished, the oldest first."""
    cursor = await connection.execute(
        f"""
        SELECT {COLUMNS}
        FROM difference
        WHERE case_id = %s AND closed_at IS NULL
        ORDER BY id LIMIT 100
        """.encode(),
        (case,),
    )
    return [DifferenceView.model_validate(row) for row in await cursor.fetchall()]


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
            """
            INSERT INTO difference AS d (
                system, target, about, subject, item, place, class, ours, theirs, explained_by, owner,
                proposal, state, case_id, first_seen, last_seen
            )
            VALUES (
                %(system)s, %(target)s, %(about)s, %(subject)s, %(item)s, %(place)s, %(kind)s, %(ours)s,
                %(theirs)s, %(explained_by)s, %(owner)s, %(proposal)s, %(state)s, %(case)s, %(now)s, %(now)s
            )
            ON CONFLICT (system, target, subject) WHERE closed_at IS NULL DO UPDATE
            SET class = excluded.class, ours = excluded.ours, theirs = excluded.theirs,
                explained_by = excluded.explained_by, owner = excluded.owner, proposal = excluded.proposal,
                state = excluded.state, case_id = excluded.case_id, last_seen = excluded.last_seen
            """,
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
        """
        UPDATE difference
        SET state = 'closed', closed_at = %s
        WHERE system = %s AND target = %s AND closed_at IS NULL AND subject <> ALL(%s)
        """,
        (now, run.system, run.target, subjects),
    )


async def last_case(connection: Connection, run: ReconcileRun) -> dict[str, Any] | None:
    """(number, open, findings) of the newest case of a run's system; None when there was none."""
    cursor = await connection.execute(
        """
        SELECT id, closed_at IS NULL AS open, findings
        FROM exception_case
        WHERE order_key = %s AND kind = %s
        ORDER BY length(id) DESC, id DESC LIMIT 1
        """,
        (run.case_order, run.case_kind),
    )
    row = await cursor.fetchone()
    return {**row, "number": CaseKey.parse(row["id"]).number} if row else None


async def listing(connection: Connection, *, open_only: bool = True, limit: int = 100) -> list[DifferenceView]:
    """Differences, the newest first."""
    cursor = await connection.execute(
        f"""
        SELECT {COLUMNS}
        FROM difference
        WHERE NOT %s OR closed_at IS NULL
        ORDER BY id DESC LIMIT %s
        """.encode(),
        (open_only, limit),
    )
    return [DifferenceView.model_validate(row) for row in await cursor.fetchall()]


async def runs(connection: Connection, limit: int = 50) -> list[dict[str, Any]]:
    """Runs, the newest first."""
    cursor = await connection.execute(
        """
        SELECT id, system, target, started_at, finished_at, compared, differences, explained, error
        FROM reconciliation_run
        ORDER BY started_at DESC, id LIMIT %s
        """,
        (limit,),
    )
    return await cursor.fetchall()
