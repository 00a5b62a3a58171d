"""Messages that a workflow's new run has not seen: what became of them, and how they are brought back or let go."""

from dataclasses import dataclass
from datetime import datetime

from store.engine import Connection
from store.messaging import inbox
from store.messaging.signals import WaitingEvent

LATE = ("the order has ended%", "the return has ended%", "workflow gone%")
"""Beginnings of reasons for which an open order's message was left out undecided."""


@dataclass(frozen=True)
class Past(WaitingEvent):
    """An event of an order, and what became of it there. `late`: it was left out as the order was thought to have
    ended."""

    state: str
    late: bool
    settled_at: datetime | None


async def events_of(connection: Connection, subject: str) -> list[Past]:
    """Every event of an order or purchase order, in the order in which they were settled; those that are not come
    last."""
    cursor = await connection.execute(
        """
        SELECT o.order_key, o.event_id, e.inbox_id, e.partner, e.received_at, m.traceparent, e.body,
            coalesce(o.taken, false) AS taken, o.state, o.settled_at,
            o.state = 'superseded' AND coalesce(o.reason, '') LIKE ANY(%s) AS late
        FROM event_order o
        JOIN event e ON e.id = o.event
        JOIN inbox_message m ON m.id = e.inbox_id
        WHERE o.order_key = %s
        ORDER BY o.settled_at NULLS LAST, e.inbox_id, e.id
        """,
        (list(LATE), subject),
    )
    return [Past(**row) for row in await cursor.fetchall()]


async def bring_back(connection: Connection, subject: str, events: list[str]) -> int:
    """These events wait for their order again, and so do their messages; how many they are."""
    cursor = await connection.execute(
        """
        UPDATE event_order o
        SET state = 'pending', reason = NULL, settled_at = NULL, sent_at = clock_timestamp()
        FROM event e
        WHERE o.order_key = %s AND o.event_id = ANY(%s) AND e.id = o.event
        RETURNING e.inbox_id
        """,
        (subject, events),
    )
    messages = [row["inbox_id"] for row in await cursor.fetchall()]
    await connection.execute(
        """
        UPDATE inbox_message
        SET state = 'routed', reason = NULL, settled_at = NULL
        WHERE id = ANY(%s)
            AND state IN ('applied', 'superseded')
            AND NOT EXISTS (
                SELECT
                FROM event e
                JOIN event_order x ON x.event = e.id
                WHERE e.inbox_id = inbox_message.id AND x.state = 'applied'
            )
        """,
        (messages,),
    )
    return len(messages)


@dataclass(frozen=True)
class UndecidedMessage(inbox.Message):
    """A message that is no event, as the relay works on it: a command, or a document. `settled_at`: when its verdict was
    written."""

    state: str = ""
    settled_at: datetime | None = None


ASKED = f"SELECT {', '.join(inbox.COLUMNS)}, state, settled_at FROM inbox_message"


async def commands_of(connection: Connection, subject: str) -> list[UndecidedMessage]:
    """Commands to an order or purchase order, in the order of settling. The text is compared first, as few messages
    name the order."""
    cursor = await connection.execute(
        f"""
        {ASKED}
        WHERE kind LIKE 'order.%%'
            AND kind <> %s
            AND position(%s::bytea IN raw) > 0
            AND convert_from(raw, 'UTF8')::jsonb ->> 'key' = %s
        ORDER BY settled_at NULLS LAST, id
        """.encode(),
        (inbox.RELEASE, subject.encode(), subject),
    )
    return [UndecidedMessage(**row) for row in await cursor.fetchall()]


async def asked(connection: Connection, messages: list[int]) -> list[UndecidedMessage]:
    """These messages, by id."""
    cursor = await connection.execute(f"{ASKED} WHERE id = ANY(%s) ORDER BY id".encode(), (messages,))
    return [UndecidedMessage(**row) for row in await cursor.fetchall()]


async def delivered(connection: Connection, workflow: str) -> list[UndecidedMessage]:
    """Delivered messages of a workflow that are no events and are unanswered."""
    cursor = await connection.execute(
        f"{ASKED} WHERE workflow_id = %s AND state = 'routed' ORDER BY id".encode(), (workflow,)
    )
    return [UndecidedMessage(**row) for row in await cursor.fetchall()]


async def ask_again(connection: Connection, messages: list[int], workflow: str) -> int:
    """These messages wait for their workflow again; how many they are."""
    cursor = await connection.execute(
        """
        UPDATE inbox_message
        SET state = 'routed', workflow_id = %s, reason = NULL, settled_at = NULL, answer = NULL, attempts = 0,
            not_before = now()
        WHERE id = ANY(%s) AND state IN ('routed', 'applied')
        """,
        (workflow, messages),
    )
    return cursor.rowcount


async def hold_back(connection: Connection, workflow: str, for_s: float) -> list[int]:
    """Have the relay wait for so many seconds before it signals a workflow again: it begins. Its messages that are no
    events and wait."""
    await connection.execute(
        """
        UPDATE event_order
        SET sends = 1, sent_at = clock_timestamp(), taken = NULL
        WHERE state = 'pending' AND order_key = (SELECT subject FROM head WHERE workflow_id = %s)
        """,
        (workflow,),
    )
    cursor = await connection.execute(
        """
        UPDATE inbox_message
        SET attempts = 0, not_before = clock_timestamp() + make_interval(secs => %s)
        WHERE workflow_id = %s AND state IN ('received', 'routed')
        RETURNING id
        """,
        (for_s, workflow),
    )
    return [row["id"] for row in await cursor.fetchall()]


async def let_go(connection: Connection, workflow: str, params: list[int]) -> None:
    """The relay tells a workflow now what waits for it, but for these messages, which it was told."""
    await connection.execute(
        """
        UPDATE inbox_message
        SET state = 'received', not_before = now()
        WHERE workflow_id = %s AND state IN ('received', 'routed') AND id <> ALL(%s)
        """,
        (workflow, params),
    )
    await connection.execute(f"NOTIFY {inbox.CHANNEL}")


async def documents_settled(connection: Connection, number: str) -> list[UndecidedMessage]:
    """Documents that were decided on and name a purchase order's number somewhere, by id."""
    cursor = await connection.execute(
        f"""
        {ASKED}
        WHERE kind = ANY(%s) AND state IN ('applied', 'superseded') AND position(%s::bytea IN raw) > 0
        ORDER BY id
        """.encode(),
        ([inbox.PURCHASE, inbox.DOCUMENT], number.encode()),
    )
    return [UndecidedMessage(**row) for row in await cursor.fetchall()]
