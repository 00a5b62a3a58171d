"""The head of each workflow: its newest step, and how far its steps are confirmed.

A step is written inside a workflow task, which the server may fail afterwards. It is provisional until the server has
kept that task: a later task has begun, or its completion is in the history. Verdicts of provisional steps wait in
`outcome`. Messages are settled when their step is confirmed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from schemas.base import Contract
from schemas.workflows.steps import InputOutcome, WorkflowStep
from store.batches import RowBatch
from store.engine import Connection

DECIDED = "decided"
"""PostgreSQL notification channel: a command was decided provisionally. The payload is the id of its inbox message."""
SETTLED = "settled"
"""PostgreSQL notification channel: a command was settled. The payload is the id of its inbox message."""


@dataclass(frozen=True)
class Head:
    """The head of a workflow at the write of a step: `highest` is the highest version ever written."""

    highest: int
    confirmed: int


async def begin(connection: Connection, step: WorkflowStep[Any]) -> Head | None:
    """Lock the head of a workflow until the transaction ends. None when a later task has written: the step is stale, and
    nothing of it may be written.

    Within one task, a step is not written after a later one.
    """
    task = step.task
    row = await _locked(connection, task.workflow)
    if row is None:
        await connection.execute(
            "INSERT INTO head (workflow_id, subject) VALUES (%s, %s) ON CONFLICT DO NOTHING",
            (task.workflow, task.subject),
        )
        row = await _locked(connection, task.workflow)
    assert row
    newest = (row["run"], row["task"])
    if newest > (task.run, task.at) or (newest == (task.run, task.at) and row["version"] > step.version):
        return None
    return Head(row["highest"], row["confirmed"])


async def _locked(connection: Connection, workflow: str) -> dict[str, Any] | None:
    """The row of a head, locked: nothing is written for the lock's sake."""
    cursor = await connection.execute(
        """
        SELECT run, task, version, highest, confirmed
        FROM head
        WHERE workflow_id = %s
        FOR NO KEY UPDATE
        """,
        (workflow,),
    )
    return await cursor.fetchone()


def repeated(head: Head, step: WorkflowStep[Any]) -> bool:
    """Whether steps were written beyond the state that this one was decided on: some attempt was superseded, or is
    written again."""
    return head.highest > step.base


async def finish(connection: Connection, head: Head, step: WorkflowStep[Any]) -> None:
    """Note the step, keep its verdicts until it is confirmed, and confirm the steps of earlier tasks. Of a message that
    a workflow got twice, the first verdict counts: the other only names it."""
    task, kept = step.task, step.snapshot
    found = list({(it.event_id, it.inbox_id): it for it in reversed(step.outcomes) if it.inbox_id}.values())
    if repeated(head, step):
        await connection.execute(
            "DELETE FROM outcome WHERE workflow_id = %s AND version > %s", (step.task.workflow, step.base)
        )
    await connection.execute(
        f"""
        WITH verdicts AS ({KEEP})
        UPDATE head
        SET run = %(run)s, run_id = %(run_id)s, task = %(at)s, version = %(newest)s,
            highest = greatest(highest, %(newest)s), ended = %(ended)s,
            confirmed = greatest(least(confirmed, %(newest)s), %(kept)s), written_at = clock_timestamp(),
            snapshot = coalesce(%(snapshot)s, snapshot), snapshot_version = coalesce(%(of)s, snapshot_version)
        WHERE workflow_id = %(workflow)s
        """.encode(),
        {
            **task.model_dump(include={"workflow", "subject", "run", "run_id", "at", "kept"}),
            "newest": step.version,
            "ended": step.ended,
            "snapshot": kept.run if kept else None,
            "of": kept.version if kept else None,
            **VERDICTS.arrays(found),
        },
    )
    if asked := [it.inbox_id for it in found if _asked(it)]:
        await connection.execute(
            """
            SELECT pg_notify(%s, m::text)
            FROM unnest(%s::bigint[]) m
            """,
            (DECIDED, asked),
        )
    if task.kept > head.confirmed:
        await settle_steps(connection, task.workflow, task.kept)


VERDICTS = RowBatch[InputOutcome](
    event_id="text",
    inbox_id="bigint",
    version="int",
    verdict=("text", lambda it: "superseded" if it.superseded else "applied"),
    reason=("text", lambda it: it.superseded),
    answer="jsonb",
)
KEEP = f"""
    INSERT INTO outcome (workflow_id, subject, {VERDICTS.names})
    SELECT %(workflow)s, %(subject)s, x.*
    FROM {VERDICTS.rows}
    ON CONFLICT (workflow_id, event_id, inbox_id) DO NOTHING
"""
"""SQL: keeps the verdicts of a step. One that stands is of an earlier step, which heard the message first: it counts."""


def _asked(outcome: InputOutcome) -> bool:
    """Whether somebody waits for the verdict: a command is answered, or refused with its reason."""
    return outcome.answer is not None


SETTLE = f"""
    kept AS (
        DELETE FROM outcome o USING confirmed c
        WHERE o.workflow_id = c.workflow_id AND o.version <= c.version
        RETURNING o.*
    ),
    events AS (
        UPDATE event_order o
        SET state = k.verdict, reason = k.reason, settled_at = clock_timestamp()
        FROM kept k
        WHERE o.order_key = k.subject AND o.event_id = k.event_id AND o.state = 'pending'
    ),
    -- A message that one order applied and another refused was applied.
    best AS (SELECT DISTINCT ON (inbox_id) * FROM kept ORDER BY inbox_id, verdict),
    settled AS (
        UPDATE inbox_message m
        SET state = b.verdict, reason = b.reason, answer = b.answer, settled_at = clock_timestamp()
        FROM best b
        WHERE m.id = b.inbox_id AND m.state NOT IN ('applied', 'quarantined')
        RETURNING m.id, b.answer IS NOT NULL AS asked
    )
    SELECT (SELECT count(*) FROM confirmed)::int AS confirmed,
        (SELECT count(pg_notify('{SETTLED}', id::text)) FROM settled WHERE asked) AS told
"""
"""Settles the messages of steps up to the version of each workflow in `confirmed`, and wakes who waits for them."""


async def settle_steps(connection: Connection, workflow: str, version: int) -> None:
    """Settle the messages that the steps up to a version decided: these are confirmed."""
    await connection.execute(
        f"WITH confirmed AS (SELECT %s::text AS workflow_id, %s::int AS version), {SETTLE}".encode(),
        (workflow, version),
    )


@dataclass(frozen=True)
class Provisional:
    """The newest step of a workflow, which is not confirmed: the run, and the length of its history, that decided it."""

    workflow_id: str
    run: int
    run_id: str
    task: int
    version: int


async def confirm(connection: Connection, steps: Sequence[Provisional]) -> int:
    """Confirm steps whose tasks the server has kept, and settle their messages, in one statement; returns their number.

    Skips steps that were confirmed before, that have a newer one, or that are being written now: nobody waits for a
    lock.
    """
    cursor = await connection.execute(
        f"""
        WITH held AS (
            SELECT h.workflow_id
            FROM head h
            JOIN unnest(%s::text[], %s::int[], %s::int[], %s::int[]) AS x(workflow_id, run, task, version)
                ON (h.workflow_id, h.run, h.task, h.version) = (x.workflow_id, x.run, x.task, x.version)
            WHERE h.confirmed < h.version
            FOR NO KEY UPDATE OF h SKIP LOCKED
        ),
        confirmed AS (
            UPDATE head h
            SET confirmed = h.version
            FROM held
            WHERE h.workflow_id = held.workflow_id
            RETURNING h.workflow_id, h.version
        ),
        {SETTLE}
        """.encode(),
        (
            [it.workflow_id for it in steps],
            [it.run for it in steps],
            [it.task for it in steps],
            [it.version for it in steps],
        ),
    )
    [row] = await cursor.fetchall()
    return int(row["confirmed"])


PROVISIONAL = """
    SELECT workflow_id, run, run_id, task, version
    FROM head
    WHERE confirmed < version AND run_id <> ''
"""


async def provisional(connection: Connection, after_s: float, limit: int) -> list[Provisional]:
    """Steps that were written so long ago, in seconds, and are not confirmed, the oldest first."""
    cursor = await connection.execute(
        f"""
        {PROVISIONAL} AND written_at < clock_timestamp() - make_interval(secs => %s)
        ORDER BY written_at LIMIT %s
        """.encode(),
        (after_s, limit),
    )
    return [Provisional(**row) for row in await cursor.fetchall()]


async def provisional_of(connection: Connection, message: int) -> list[Provisional]:
    """The newest steps of the workflows that have decided a message provisionally."""
    cursor = await connection.execute(
        f"""
        {PROVISIONAL} AND workflow_id IN (SELECT workflow_id FROM outcome WHERE inbox_id = %s)
        """.encode(),
        (message,),
    )
    return [Provisional(**row) for row in await cursor.fetchall()]


async def counts(connection: Connection) -> dict[str, int]:
    """Numbers of workflows with a provisional step, and of verdicts that wait for confirmation."""
    cursor = await connection.execute(
        """
        SELECT (SELECT count(*) FROM head WHERE confirmed < version)::int AS steps,
            (SELECT count(*) FROM outcome)::int AS verdicts
        """
    )
    [row] = await cursor.fetchall()
    return row


class KeptHead(Contract):
    """A workflow as its head keeps it: what a new run of it begins with, and which run that is."""

    workflow_id: str
    subject: str
    run: int
    version: int
    confirmed: int
    snapshot: str | None
    snapshot_version: int
    ended: bool


async def kept(connection: Connection, workflow: str, *, locked: bool = False) -> KeptHead | None:
    """The head of a workflow, or None. `locked`: until the transaction ends, no step of it is written; None also when
    one is being written at this moment."""
    lock = " FOR NO KEY UPDATE SKIP LOCKED" if locked else ""
    cursor = await connection.execute(
        f"""
        SELECT workflow_id, subject, run, version, confirmed, snapshot, snapshot_version, ended
        FROM head
        WHERE workflow_id = %s{lock}
        """.encode(),
        (workflow,),
    )
    row = await cursor.fetchone()
    return KeptHead.model_validate(row) if row else None
