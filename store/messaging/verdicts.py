"""Verdicts on commands for their callers: confirmed decisions, and refusals by confirmed state."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb

from store.engine import Connection
from store.messaging import inbox
from store.messaging.heads import SETTLED
from store.messaging.signals import subject_of


@dataclass(frozen=True)
class CommandVerdict:
    """The verdict on a command: `answer` when it was applied, else the `reason` of the refusal."""

    applied: bool
    reason: str | None
    answer: dict[str, Any] | None


async def verdict(connection: Connection, message: int) -> CommandVerdict | None:
    """The verdict on the command of a message; None while it is not confirmed."""
    cursor = await connection.execute(
        """
        SELECT state, reason, answer
        FROM inbox_message
        WHERE id = %s AND state IN ('applied', 'superseded')
        """,
        (message,),
    )
    row = await cursor.fetchone()
    return CommandVerdict(row["state"] == "applied", row["reason"], row["answer"]) if row else None


async def settle_command(
    connection: Connection, message: int, refusal: str | None, answer: dict[str, Any] | None = None
) -> None:
    """Settle a command that no workflow decides on: it is refused, or `answer` says what is so already."""
    cursor = await connection.execute(
        """
        UPDATE inbox_message
        SET state = %s, reason = %s, answer = %s, settled_at = clock_timestamp()
        WHERE id = %s AND state IN ('received', 'routed')
        RETURNING id
        """,
        ("superseded" if refusal else "applied", refusal, Jsonb(answer or {}), message),
    )
    if await cursor.fetchone():
        await connection.execute("SELECT pg_notify(%s, %s::text)", (SETTLED, message))


@dataclass(frozen=True)
class First:
    """The message that brought a command first, and when."""

    id: int
    received_at: datetime
    traceparent: str
    digest: str = ""


async def first(connection: Connection, message: inbox.NewMessage) -> First:
    """The first message of the same caller to a workflow, of the same kind and id; its content is for the caller to
    see. Old messages have no workflow: of these, the content is the same. Raises LookupError."""
    cursor = await connection.execute(
        """
        SELECT id, received_at, traceparent, digest
        FROM inbox_message
        WHERE external_id = %(external_id)s
            AND kind = %(kind)s
            AND partner = %(partner)s
            AND kind NOT IN ('event', 'order.release')
            AND (digest = %(digest)s AND workflow_id IN (%(workflow)s, '') OR workflow_id = %(workflow)s)
        ORDER BY id LIMIT 1
        """,
        {
            "external_id": message.external_id,
            "kind": message.kind,
            "partner": message.partner,
            "digest": message.digest,
            "workflow": message.workflow_id,
        },
    )
    row = await cursor.fetchone()
    if row is None:
        raise LookupError(message.external_id)
    return First(**row)


async def settled_state(connection: Connection, workflow: str, message: int, most_bytes: int) -> str | None:
    """The start of a workflow's next run as JSON, when its state is certain. Every step is confirmed then, and no
    earlier message waits. None otherwise, and when it is larger than allowed."""
    cursor = await connection.execute(
        """
        SELECT snapshot
        FROM head h
        WHERE workflow_id = %(workflow)s
            AND version = confirmed
            AND snapshot_version = version
            AND octet_length(snapshot) <= %(most)s
            AND NOT EXISTS (
                SELECT
                FROM inbox_message
                WHERE workflow_id = %(workflow)s
                    AND state IN ('received', 'routed')
                    AND kind <> 'order.release'
                    AND id < %(message)s
            )
            AND NOT EXISTS (SELECT FROM event_order WHERE order_key = %(subject)s AND state = 'pending')
        """,
        {"workflow": workflow, "subject": subject_of(workflow), "message": message, "most": most_bytes},
    )
    row = await cursor.fetchone()
    return row["snapshot"] if row else None


async def earliest(connection: Connection, workflow: str, message: int) -> int:
    """Of the messages that ask for a workflow and were not refused, the first: that one starts it."""
    cursor = await connection.execute(
        """
        SELECT min(id) AS id
        FROM inbox_message
        WHERE external_id = (SELECT external_id FROM inbox_message WHERE id = %(message)s)
            AND kind NOT IN ('event', 'order.release')
            AND workflow_id = %(workflow)s
            AND (id = %(message)s OR state IN ('received', 'routed', 'applied'))
        """,
        {"workflow": workflow, "message": message},
    )
    [row] = await cursor.fetchall()
    return row["id"] or message


async def decided(connection: Connection, message: int) -> bool:
    """Whether a workflow has decided on a message, be it provisionally."""
    cursor = await connection.execute(
        """
        SELECT EXISTS (SELECT FROM outcome WHERE inbox_id = %(id)s)
            OR EXISTS (
                SELECT
                FROM inbox_message
                WHERE id = %(id)s AND state IN ('applied', 'superseded')
            ) AS decided
        """,
        {"id": message},
    )
    [row] = await cursor.fetchall()
    return bool(row["decided"])
