"""The outbox of notices to people: written with the step that asks for them, sent by the notices workflow's activity."""

from datetime import datetime
from typing import Any

from schemas.cases.cases import Notice, NoticesPlanned
from store.batches import RowBatch
from store.changes import StepScope
from store.engine import Connection

CHANNEL = "notices"
"""PostgreSQL notification channel that wakes the dispatcher of notices."""
MAX_ERROR = 300
"""Characters of an error that are kept: its first sentences."""


class NoticeRow(Notice):
    """A notice in the outbox, and how many attempts to send it there were."""

    attempts: int


NOTICES = RowBatch[Notice](
    key="text",
    channel="text",
    recipient=("text", lambda it: it.to),
    template="text",
    facts="jsonb",
    order_key=("text", lambda it: it.order),
    case_id=("text", lambda it: it.case),
    kind="text",
    tier="int",
    asked_at="timestamptz",
)


async def plan(connection: Connection, notices: tuple[Notice, ...]) -> None:
    """Owe these notices from now on and wake the dispatcher. A key that is known is never sent again."""
    if not notices:
        return
    await connection.execute(
        f"INSERT INTO notice ({NOTICES.names}) SELECT * FROM {NOTICES.rows} ON CONFLICT DO NOTHING".encode(),
        NOTICES.arrays(notices),
    )
    await connection.execute(f"NOTIFY {CHANNEL}")


async def write(connection: Connection, scope: StepScope, change: NoticesPlanned) -> None:
    """Owe the notices of a step."""
    await plan(connection, change.notices)


async def due(connection: Connection, limit: int) -> list[NoticeRow]:
    """Lock up to `limit` notices that are due, the longest due first. Before the transaction ends, put each off with
    `reschedule`, past the time that sending takes: what is then neither sent nor failed becomes due again."""
    cursor = await connection.execute(
        """
        SELECT key, channel, recipient AS "to", template, facts, order_key AS "order", case_id AS "case",
            kind, tier, asked_at, attempts
        FROM notice
        WHERE state = 'planned' AND due_at <= now()
        ORDER BY due_at, key LIMIT %s
        FOR UPDATE SKIP LOCKED
        """,
        (limit,),
    )
    return [NoticeRow.model_validate(row) for row in await cursor.fetchall()]


async def sent(connection: Connection, keys: list[str]) -> None:
    """The channel confirmed these."""
    await connection.execute(
        """
        UPDATE notice
        SET state = 'sent', attempts = attempts + 1, error = NULL, sent_at = clock_timestamp()
        WHERE key = ANY(%s) AND state <> 'sent'
        """,
        (keys,),
    )


async def failed(connection: Connection, key: str, error: str, retry_in_s: float | None) -> None:
    """An attempt failed; try again after so many seconds. None: give it up."""
    await connection.execute(
        """
        UPDATE notice
        SET attempts = attempts + 1, error = %(error)s,
            state = CASE WHEN %(retry_s)s::float8 IS NULL THEN 'failed' ELSE 'planned' END,
            due_at = now() + make_interval(secs => coalesce(%(retry_s)s::float8, 0))
        WHERE key = %(key)s AND state <> 'sent'
        """,
        {"key": key, "error": error[:MAX_ERROR], "retry_s": retry_in_s},
    )


async def reschedule(connection: Connection, key: str, due_at: datetime) -> None:
    """Do not send it before then."""
    await connection.execute(
        """
        UPDATE notice
        SET due_at = %s
        WHERE key = %s AND state = 'planned'
        """,
        (due_at, key),
    )


async def customer_zone(connection: Connection, order_key: str) -> str | None:
    """The zone of the customer's days; None when there is no such order."""
    cursor = await connection.execute("SELECT time_zone FROM order_view WHERE key = %s", (order_key,))
    row = await cursor.fetchone()
    return row["time_zone"] if row else None


async def customer_email(connection: Connection, order_key: str) -> str | None:
    """The customer's e-mail address, where the order has one."""
    cursor = await connection.execute(
        "SELECT release->'ship_to'->>'email' AS email FROM order_view WHERE key = %s", (order_key,)
    )
    row = await cursor.fetchone()
    return row["email"] if row else None


NO_ADDRESS = "%: no % address for %"
"""The error of a message without an address: there is no receiver that fails."""
FAILING = "(state = 'failed' OR (state = 'planned' AND attempts > 0))"
SHOWN = f"""
    SELECT key, state, channel, recipient AS "to", kind, case_id AS "case", attempts,
        coalesce(error, '') AS error, asked_at, due_at
    FROM notice
    WHERE {FAILING}
    ORDER BY state = 'planned', asked_at DESC, key LIMIT %(limit)s
"""


async def failing(connection: Connection, limit: int) -> list[dict[str, Any]]:
    """Messages that were given up, and those that are tried again: the first first, the newest of each first."""
    cursor = await connection.execute(SHOWN.encode(), {"limit": limit})
    return await cursor.fetchall()


async def undelivered(connection: Connection, late_s: float, own_case: str) -> list[dict[str, Any]]:
    """(channel, to, given_up, waiting, error, since) of each receiver that takes no messages: given up in the last month,
    or tried for so long. Messages about the case that says so (`own_case/…`) count for nothing: they would feed it."""
    cursor = await connection.execute(
        f"""
        SELECT channel, recipient AS "to", count(*) FILTER (WHERE state = 'failed')::int AS given_up,
            count(*) FILTER (WHERE state = 'planned')::int AS waiting,
            (array_agg(coalesce(error, '') ORDER BY asked_at DESC, key))[1] AS error, min(asked_at) AS since
        FROM notice
        WHERE {FAILING}
            AND asked_at > now() - interval '30 days'
            AND (state = 'failed' OR asked_at < now() - make_interval(secs => %(late_s)s))
            AND coalesce(error, '') NOT LIKE %(no_address)s
            AND NOT starts_with(case_id, %(own)s || '/')
        GROUP BY 1, 2
        ORDER BY 1, 2
        """.encode(),
        {"late_s": late_s, "no_address": NO_ADDRESS, "own": own_case},
    )
    return await cursor.fetchall()


async def retry(connection: Connection, channel: str | None, to: str | None) -> int:
    """Take up again what was given up, over a channel and to a queue if these are named; how many messages."""
    cursor = await connection.execute(
        """
        UPDATE notice
        SET state = 'planned', attempts = 0, due_at = now()
        WHERE state = 'failed'
            AND (%(channel)s::text IS NULL OR channel = %(channel)s)
            AND (%(to)s::text IS NULL OR recipient = %(to)s)
        """,
        {"channel": channel, "to": to},
    )
    await connection.execute(f"NOTIFY {CHANNEL}")
    return cursor.rowcount
