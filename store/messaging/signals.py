"""Messages that workflows have not decided: events and messages that are sent again, and when.

A message that Temporal has taken is in the workflow's history: it is sent again rarely, and never while a verdict is
provisional. One that Temporal has not taken is sent soon.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from schemas.workflow_ids import WorkflowId, WorkflowKind
from store.engine import Connection
from store.messaging import inbox

UNKNOWN_S, UNKNOWN_MOST_S = 5, 30
"""Seconds after which a signal is sent again that Temporal is not known to have: the double each time, up to the most."""
TAKEN_S, TAKEN_MOST_S = 30, 3600
"""The same for one that it has: the workflow dropped it, or its run was replaced."""
AT_ONCE = 2_000
"""Events of the orders of one pass: all that waits of an order goes in its order of arrival."""
OTHER_TRIES = "NOT EXISTS (SELECT FROM outcome w WHERE w.subject = x.order_key AND w.event_id = x.event_id)"
DUE = f"""
    x.state = 'pending'
    AND x.sent_at < now() - make_interval(secs => {UNKNOWN_S})
    AND x.sent_at < now() - make_interval(
        secs => CASE
            WHEN x.taken THEN least({TAKEN_S} * 2 ^ least(x.sends - 1, 7), {TAKEN_MOST_S})
            ELSE least({UNKNOWN_S} * 2 ^ least(x.sends - 1, 3), {UNKNOWN_MOST_S})
        END
    )
    AND {OTHER_TRIES}
"""
CLAIM = """
    UPDATE event_order o
    SET sends = o.sends + 1, sent_at = now(), taken = NULLIF(o.taken, false)
    FROM due, event e, inbox_message m
    WHERE o.order_key = due.order_key AND o.event_id = due.event_id AND e.id = o.event AND m.id = e.inbox_id
    RETURNING o.order_key, o.event_id, e.inbox_id, e.partner, e.received_at, m.traceparent, e.body,
        coalesce(o.taken, false) AS taken
"""


@dataclass(frozen=True)
class WaitingEvent:
    """An event that its order has not decided. `taken`: Temporal has had it."""

    order_key: str
    event_id: str
    inbox_id: int
    partner: str
    received_at: datetime
    traceparent: str
    body: dict[str, Any]
    taken: bool


async def due(connection: Connection, orders: int) -> list[WaitingEvent]:
    """Take events that are due again, of so many orders, in their order of arrival. With one that Temporal lacks go
    all others of its order that it could not take."""
    cursor = await connection.execute(
        f"""
        WITH orders AS (
            SELECT DISTINCT order_key
            FROM (SELECT x.order_key FROM event_order x WHERE {DUE} ORDER BY x.sent_at LIMIT %s) found
        ),
        due AS (
            SELECT x.order_key, x.event_id
            FROM event_order x
            JOIN event e ON e.id = x.event
            WHERE x.order_key IN (SELECT order_key FROM orders)
                AND x.state = 'pending'
                AND (x.taken IS FALSE OR {DUE})
            ORDER BY e.inbox_id LIMIT {AT_ONCE}
            FOR UPDATE OF x SKIP LOCKED
        )
        {CLAIM}
        """.encode(),
        (orders,),
    )
    return _in_order(await cursor.fetchall())


async def left_behind(connection: Connection, orders: list[str]) -> list[WaitingEvent]:
    """Take what Temporal could not take of these orders: it goes before anything newer."""
    cursor = await connection.execute(
        f"""
        WITH due AS (
            SELECT x.order_key, x.event_id
            FROM event_order x
            JOIN event e ON e.id = x.event
            WHERE x.order_key = ANY(%s) AND x.state = 'pending' AND x.taken IS FALSE
            ORDER BY e.inbox_id LIMIT {AT_ONCE}
            FOR UPDATE OF x SKIP LOCKED
        )
        {CLAIM}
        """.encode(),
        (orders,),
    )
    return _in_order(await cursor.fetchall())


def _in_order(rows: list[dict[str, Any]]) -> list[WaitingEvent]:
    return sorted((WaitingEvent(**row) for row in rows), key=lambda it: (it.inbox_id, it.event_id))


async def taken(connection: Connection, events: list[tuple[str, str]]) -> None:
    """Temporal has these events, as (order, event). One that is being settled at this moment needs no note."""
    await connection.execute(
        """
        UPDATE event_order o
        SET taken = true
        FROM (
            SELECT order_key, event_id
            FROM event_order
            JOIN unnest(%s::text[], %s::text[]) AS x(order_key, event_id) USING (order_key, event_id)
            WHERE state = 'pending'
            FOR UPDATE OF event_order SKIP LOCKED
        ) due
        WHERE o.order_key = due.order_key AND o.event_id = due.event_id
        """,
        ([key for key, _ in events], [event for _, event in events]),
    )


async def not_taken(connection: Connection, events: list[tuple[str, str]]) -> None:
    """Temporal could not take these events: they are sent again before anything newer of their orders."""
    await connection.execute(
        """
        UPDATE event_order o
        SET taken = false
        FROM unnest(%s::text[], %s::text[]) AS x(order_key, event_id)
        WHERE o.order_key = x.order_key AND o.event_id = x.event_id AND o.state = 'pending'
        """,
        ([key for key, _ in events], [event for _, event in events]),
    )


async def due_messages(connection: Connection, limit: int) -> list[inbox.Message]:
    """Take messages that a workflow got so long ago, and has not decided even provisionally."""
    cursor = await connection.execute(
        f"""
        UPDATE inbox_message m
        SET attempts = m.attempts + 1,
            not_before = now() + make_interval(
                secs => least({TAKEN_S} * 2 ^ least(m.attempts, 7), {TAKEN_MOST_S})
            )
        FROM (
            SELECT id
            FROM inbox_message x
            WHERE x.state = 'routed'
                AND x.workflow_id <> ''
                AND x.not_before <= now()
                AND NOT EXISTS (SELECT FROM outcome w WHERE w.inbox_id = x.id)
            ORDER BY x.not_before LIMIT %s
            FOR UPDATE SKIP LOCKED
        ) due
        WHERE m.id = due.id
        RETURNING {", ".join(f"m.{name}" for name in inbox.COLUMNS)}
        """.encode(),
        (limit,),
    )
    return sorted((inbox.Message(**row) for row in await cursor.fetchall()), key=lambda it: it.id)


@dataclass(frozen=True)
class Left:
    """Waiting entries of a workflow: ids of events, and of inbox messages with commands or documents."""

    events: tuple[str, ...]
    messages: tuple[int, ...]


async def left(connection: Connection, workflow: str) -> Left:
    """Waiting entries of a workflow, in their order of arrival."""
    subject = subject_of(workflow)
    cursor = await connection.execute(
        """
        SELECT o.event_id
        FROM event_order o
        JOIN event e ON e.id = o.event
        WHERE o.order_key = %s AND o.state = 'pending'
        ORDER BY e.inbox_id
        """,
        (subject,),
    )
    events = tuple(row["event_id"] for row in await cursor.fetchall())
    cursor = await connection.execute(
        "SELECT id FROM inbox_message WHERE workflow_id = %s AND state IN ('received', 'routed') ORDER BY id",
        (workflow,),
    )
    return Left(events, tuple(row["id"] for row in await cursor.fetchall()))


async def hurry(connection: Connection, workflow: str) -> Left:
    """Have all that waits for a workflow sent now, as to one that has heard of none of it: it runs again."""
    found = await left(connection, workflow)
    await connection.execute(
        """
        UPDATE event_order
        SET taken = false, sends = 1, sent_at = now() - interval '1 hour'
        WHERE order_key = %s AND event_id = ANY(%s) AND state = 'pending'
        """,
        (subject_of(workflow), list(found.events)),
    )
    await connection.execute(
        """
        UPDATE inbox_message
        SET state = 'received', attempts = 0, not_before = now()
        WHERE id = ANY(%s) AND state IN ('received', 'routed')
        """,
        (list(found.messages),),
    )
    await connection.execute(f"NOTIFY {inbox.CHANNEL}")
    return found


def subject_of(workflow: str) -> str:
    """The key of the order or purchase order that a workflow's events are placed on."""
    return str(WorkflowId.parse(workflow).subject)


STANDING = {
    "order": """
        SELECT status AS state, closed_at,
            EXISTS (
                SELECT
                FROM order_line_view l
                WHERE l.order_key = o.key AND l.delivered > l.returned
            ) AS with_customer
        FROM order_view o
        WHERE key = %s
    """,
    "inbound": "SELECT status AS state, closed_at FROM purchase_order WHERE key = %s",
    "return": "SELECT state, closed_at FROM return_order WHERE order_key || '/' || rma = %s",
    "case": "SELECT state, closed_at FROM exception_case WHERE id = %s",
}
"""By the kind of a workflow: where what it is about stands."""


@dataclass(frozen=True)
class WorkflowStanding:
    """The status of an order, purchase order, return or case, and its closing. `with_customer`: somebody has goods of
    the order."""

    state: str
    closed: bool
    with_customer: bool = False


async def standing(connection: Connection, workflow: str) -> WorkflowStanding | None:
    """The state of a workflow's subject; None when it is not known."""
    about = WorkflowId.parse(workflow)
    name = str(about.subject) if about.kind is WorkflowKind.PURCHASE_ORDER else about.name
    cursor = await connection.execute(STANDING[about.kind].encode(), (name,))
    row = await cursor.fetchone()
    if row is None:
        return None
    return WorkflowStanding(row["state"], row["closed_at"] is not None, row.get("with_customer", False))
