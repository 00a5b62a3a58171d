"""Re-plan proposals: what planners are asked, and what became of it."""

from typing import Any

from psycopg.types.json import Jsonb

from schemas.planning.proposals import ProposalsDecided, ProposalsRaised
from store.changes import StepScope
from store.engine import Connection

COLUMNS = """
    id, order_key, kind, subject, region, promised_on, proposed_on, lines, summary, state, raised_at,
    decided_by, decided_at, decision_reason
"""
"""Columns of a proposal."""


async def write_raised(connection: Connection, scope: StepScope, change: ProposalsRaised) -> None:
    """Put proposals before the planner of the order's region."""
    for asked in change.proposals:
        await connection.execute(
            """
            INSERT INTO replan_proposal (
                id, order_key, kind, subject, region, promised_on, proposed_on, lines, summary, raised_at
            )
            SELECT %s, key, %s, %s, region, %s, %s, %s, %s, %s
            FROM order_view
            WHERE key = %s
            ON CONFLICT DO NOTHING
            """,
            (
                asked.id,
                asked.kind,
                asked.subject,
                asked.promised_on,
                asked.proposed_on,
                Jsonb([line.model_dump(exclude_none=True) for line in asked.lines]),
                asked.summary,
                asked.raised_at,
                scope.order,
            ),
        )


async def write_decided(connection: Connection, scope: StepScope, change: ProposalsDecided) -> None:
    """Note what became of open proposals."""
    for answer in change.decided:
        await connection.execute(
            """
            UPDATE replan_proposal
            SET state = %s, decided_by = %s, decided_at = %s, decision_reason = %s
            WHERE id = %s AND state = 'open'
            """,
            (answer.state, answer.by, answer.at, answer.reason, answer.id),
        )


async def listing(
    connection: Connection, *, open_only: bool = True, region: str | None = None, limit: int = 100
) -> list[dict[str, Any]]:
    """Proposals, the newest first."""
    cursor = await connection.execute(
        f"""
        SELECT {COLUMNS}
        FROM replan_proposal
        WHERE (NOT %(open_only)s OR state = 'open') AND (%(region)s::text IS NULL OR region = %(region)s)
        ORDER BY raised_at DESC, id LIMIT %(limit)s
        """.encode(),
        {"open_only": open_only, "region": region, "limit": limit},
    )
    return await cursor.fetchall()


async def show(connection: Connection, proposal: str) -> dict[str, Any] | None:
    """One proposal, or None."""
    cursor = await connection.execute(
        f"""
        SELECT {COLUMNS}
        FROM replan_proposal
        WHERE id = %s
    """.encode(),
        (proposal,),
    )
    return await cursor.fetchone()
