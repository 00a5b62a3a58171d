"""Exception cases as people read them. Each step of a case is one transaction, with the notices that it asks for."""

from typing import Any

from psycopg.types.json import Jsonb

from schemas.cases.cases import CaseRecord
from schemas.workflows.steps import WorkflowStep
from store.cases import notices
from store.engine import Connection, Database
from store.messaging import heads

COLUMNS = """
    id, order_key, kind, version, state, tier, queue, assignee, summary, findings, actions, policy_version,
    reopened, opened_at, acknowledged_at, closed_at, next_at, history, updated_at
"""
"""Columns of a case."""


async def write(database: Database, step: WorkflowStep[CaseRecord]) -> None:
    """Write a step: the case, its notices, the verdicts on messages. All of it or nothing; safe to repeat.

    An old record never overwrites a newer one. A case that is opened again counts its versions from the start.
    """
    async with database.transaction() as connection:
        head = await heads.begin(connection, step)
        if head is None:
            return
        async with connection.pipeline():
            await _row(connection, step.record)
            await notices.plan(connection, step.record.notices)
            await heads.finish(connection, head, step)


async def _row(connection: Connection, record: CaseRecord) -> None:
    await connection.execute(
        """
        INSERT INTO exception_case AS c (
            id, order_key, kind, version, state, tier, queue, assignee, summary, findings, actions,
            policy_version, reopened, opened_at, acknowledged_at, closed_at, next_at, history
        )
        VALUES (
            %(id)s, %(order)s, %(kind)s, %(version)s, %(state)s, %(tier)s, %(queue)s, %(assignee)s,
            %(summary)s, %(findings)s, %(actions)s, %(policy_version)s, %(reopened)s, %(opened_at)s,
            %(acknowledged_at)s, %(closed_at)s, %(next_at)s, %(history)s
        )
        ON CONFLICT (id) DO UPDATE
        SET version = excluded.version, state = excluded.state, tier = excluded.tier, queue = excluded.queue,
            assignee = excluded.assignee, summary = excluded.summary, findings = excluded.findings,
            actions = excluded.actions, policy_version = excluded.policy_version,
            reopened = excluded.reopened, opened_at = excluded.opened_at,
            acknowledged_at = excluded.acknowledged_at, closed_at = excluded.closed_at,
            next_at = excluded.next_at, history = excluded.history, updated_at = clock_timestamp()
        WHERE (c.reopened, c.version) <= (excluded.reopened, excluded.version)
        """,
        {
            **record.model_dump(exclude={"findings", "actions", "history", "notices"}),
            "findings": Jsonb([finding.model_dump(mode="json") for finding in record.findings]),
            "actions": list(record.actions),
            "history": Jsonb([entry.model_dump(mode="json") for entry in record.history]),
        },
    )


LISTED = f"""
    SELECT {COLUMNS}
    FROM exception_case c
    WHERE (NOT %(open_only)s OR closed_at IS NULL)
        AND (%(kind)s::text IS NULL OR kind = %(kind)s)
        AND (%(queue)s::text IS NULL OR queue = %(queue)s)
        AND (%(order)s::text IS NULL OR order_key = %(order)s)
        AND (
            %(party)s::text IS NULL
            OR EXISTS (SELECT FROM order_view o WHERE o.key = c.order_key AND %(party)s = ANY(o.parties))
            OR EXISTS (
                SELECT
                FROM purchase_order p
                WHERE p.key = c.order_key AND %(party)s = ANY(p.parties)
            )
        )
        AND (
            %(after)s::text IS NULL
            OR EXISTS (
                SELECT
                FROM exception_case a
                WHERE a.id = %(after)s
                    AND (c.opened_at < a.opened_at OR c.opened_at = a.opened_at AND c.id > a.id)
            )
        )
    ORDER BY opened_at DESC, id LIMIT %(limit)s
"""


async def listing(
    connection: Connection,
    *,
    open_only: bool = True,
    kind: str | None = None,
    queue: str | None = None,
    order: str | None = None,
    party: str | None = None,
    after: str | None = None,
    limit: int = 100,
) -> list[dict[str, Any]]:
    """Cases, the newest first. `party`: of orders that it takes part in; every one when None (our own people).
    `after`: those behind this case in the list."""
    cursor = await connection.execute(
        LISTED.encode(),
        {
            "open_only": open_only,
            "kind": kind,
            "queue": queue,
            "order": order,
            "party": party,
            "after": after,
            "limit": limit,
        },
    )
    return await cursor.fetchall()


async def show(connection: Connection, case: str) -> dict[str, Any] | None:
    """One case, or None."""
    cursor = await connection.execute(f"SELECT {COLUMNS} FROM exception_case WHERE id = %s".encode(), (case,))
    return await cursor.fetchone()
