"""The inbox: every accepted message with its raw bytes and its outcome.

received → routed → applied | superseded, or quarantined with a reason. A row that time or another message can help
names it in `waiting_for`.
"""

from dataclasses import dataclass, field
from datetime import datetime

from store.batches import RowBatch
from store.engine import Connection

CHANNEL = "inbox"
"""PostgreSQL notification channel that wakes the relay."""

RELEASE, EVENT = "order.release", "event"
AMEND, CANCEL, HOLD, RESUME = "order.amend", "order.cancel", "order.hold", "order.resume"
ACT, REPLAN, RETURN = "order.act", "order.replan", "order.return"
PURCHASE, DOCUMENT, PROPOSAL = "purchase.order", "purchase.document", "replenishment.proposal"
INVENTORY, FORECAST, DEMAND, MASTER = "inventory", "forecast", "demand", "master.change"
ACKNOWLEDGE, ASSIGN, RESOLVE = "case.acknowledge", "case.assign", "case.resolve"
"""Kinds of messages. All but releases and events are commands."""

REPLACED = "replaced by message"
"""The beginning of the reason of a quarantined message that another one has replaced."""


@dataclass(frozen=True)
class NewMessage:
    """A message to accept. `digest` is the SHA-256 of `raw`; `headers` holds no secret. `workflow_id`: who decides on it,
    where that is known."""

    partner: str
    channel: str
    kind: str
    external_id: str
    digest: str
    raw: bytes
    traceparent: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    delay_s: float = 0.0
    workflow_id: str = ""


@dataclass(frozen=True)
class Message:
    """A message that the relay works on."""

    id: int
    partner: str
    kind: str
    external_id: str
    raw: bytes
    traceparent: str
    received_at: datetime
    attempts: int
    workflow_id: str = ""
    not_before: datetime | None = None

    @property
    def came_back(self) -> bool:
        """Whether it was brought back, as from quarantine: it is due later than it was received."""
        return self.not_before is not None and self.not_before > self.received_at


COLUMNS = (
    *("id", "partner", "kind", "external_id", "raw", "traceparent", "received_at", "attempts", "workflow_id"),
    "not_before",
)
"""Columns of a message."""


ACCEPTED = RowBatch[NewMessage](
    **dict.fromkeys(("partner", "channel", "kind", "external_id", "digest", "traceparent", "workflow_id"), "text"),
    headers="jsonb",
    raw="bytea",
    delay_s="float8",
)
"""Messages to accept. `counted` has them in their order."""
INSERT = """
    INSERT INTO inbox_message (
        partner, channel, kind, external_id, digest, headers, raw, traceparent, not_before, workflow_id
    )
    SELECT partner, channel, kind, external_id, digest, headers, raw, traceparent,
        now() + make_interval(secs => delay_s), workflow_id
    FROM
"""
ACCEPT = f"""
    WITH fresh AS ({INSERT} {ACCEPTED.counted} ORDER BY n RETURNING id)
    SELECT id, pg_notify('{CHANNEL}', '')
    FROM fresh
    ORDER BY id
""".encode()


async def insert(connection: Connection, messages: list[NewMessage]) -> list[int]:
    """Insert messages and wake the relay; returns their ids in the same order. Durable when the transaction commits."""
    cursor = await connection.execute(ACCEPT, ACCEPTED.arrays(messages))
    return [row["id"] for row in await cursor.fetchall()]


async def claim(connection: Connection, limit: int) -> list[Message]:
    """Lock up to `limit` messages that are due, oldest first; other relays skip them until this transaction ends."""
    cursor = await connection.execute(
        f"""
        SELECT {", ".join(COLUMNS)}
        FROM inbox_message
        WHERE state = 'received' AND not_before <= now()
        ORDER BY id LIMIT %s
        FOR UPDATE SKIP LOCKED
        """.encode(),
        (limit,),
    )
    return [Message(**row) for row in await cursor.fetchall()]


async def routed(connection: Connection, ids: list[int]) -> None:
    """These events have been placed and go to their workflows."""
    await connection.execute(
        "UPDATE inbox_message SET state = 'routed' WHERE id = ANY(%s) AND state = 'received'", (ids,)
    )


async def mark_delivered(connection: Connection, message: int, workflow: str, again_after_s: float) -> None:
    """A workflow has got a message, which is sent again after so many seconds if it must be."""
    await connection.execute(
        """
        UPDATE inbox_message
        SET state = 'routed', workflow_id = %s, attempts = 0, not_before = now() + make_interval(secs => %s)
        WHERE id = %s AND state = 'received'
        """,
        (workflow, again_after_s, message),
    )


async def settle_messages(connection: Connection, ids: list[int], state: str, reasons: list[str | None]) -> None:
    """Messages reached `applied` or `superseded`. Applied wins: one order's refusal does not hide another's use."""
    await connection.execute(
        """
        UPDATE inbox_message m
        SET state = %s, reason = s.reason, settled_at = clock_timestamp()
        FROM unnest(%s::bigint[], %s::text[]) AS s(id, reason)
        WHERE m.id = s.id AND m.state <> 'applied'
        """,
        (state, ids, reasons),
    )


async def postpone(connection: Connection, ids: list[int], delay_s: float, most_s: float) -> None:
    """Try these again after a while, the double each time up to the most: what they need is down."""
    await connection.execute(
        """
        UPDATE inbox_message
        SET attempts = attempts + 1,
            not_before = now() + make_interval(secs => least(%s * 2 ^ least(attempts, 10), %s))
        WHERE id = ANY(%s) AND state = 'received'
        """,
        (delay_s, most_s, ids),
    )


async def due_now(connection: Connection, message: int) -> None:
    """The relay is to carry this at once."""
    await connection.execute(
        "UPDATE inbox_message SET not_before = now() WHERE id = %s AND state = 'received'", (message,)
    )


async def left_behind(connection: Connection, workflow: str, message: int) -> list[Message]:
    """Commands accepted before this one that have not reached their workflow: they go first."""
    cursor = await connection.execute(
        f"""
        SELECT {", ".join(COLUMNS)}
        FROM inbox_message
        WHERE workflow_id = %s AND id < %s AND state = 'received' AND (not_before <= now() OR attempts > 0)
        ORDER BY id
        """.encode(),
        (workflow, message),
    )
    return [Message(**row) for row in await cursor.fetchall()]


async def cap_attempts(connection: Connection, message: int, most: int) -> None:
    """Its attempts failed for reasons that are not its own: they count no further than this."""
    await connection.execute(
        """
        UPDATE inbox_message
        SET attempts = least(attempts, %s)
        WHERE id = %s AND state = 'received'
        """,
        (most, message),
    )


async def command(connection: Connection, kind: str, external_id: str, digest: str) -> tuple[int, datetime, str]:
    """(id, received_at, traceparent) of the first message that brought a command. Raises LookupError.

    The same caller's id may have been used for another order or case: these have another `digest`. The last condition
    only says what the index on commands is made of.
    """
    cursor = await connection.execute(
        """
        SELECT id, received_at, traceparent
        FROM inbox_message
        WHERE kind = %s AND external_id = %s AND digest = %s AND kind NOT IN ('event', 'order.release')
        ORDER BY id LIMIT 1
        """,
        (kind, external_id, digest),
    )
    row = await cursor.fetchone()
    if row is None:
        raise LookupError(external_id)
    return row["id"], row["received_at"], row["traceparent"]


async def earlier(connection: Connection, message: Message) -> list[Message]:
    """The messages of the same partner, kind and id that came before, and were neither quarantined nor replaced: the oldest
    first."""
    cursor = await connection.execute(
        f"""
        SELECT {", ".join(COLUMNS)}
        FROM inbox_message
        WHERE external_id = %s
            AND kind = %s
            AND partner = %s
            AND id < %s
            AND kind NOT IN ('event', 'order.release')
            AND state <> 'quarantined'
            AND NOT starts_with(coalesce(reason, ''), %s)
        ORDER BY id LIMIT 20
        """.encode(),
        (message.external_id, message.kind, message.partner, message.id, REPLACED),
    )
    return [Message(**row) for row in await cursor.fetchall()]


async def counts(connection: Connection) -> dict[str, int]:
    """Numbers of messages by state."""
    cursor = await connection.execute("SELECT state, count(*) AS n FROM inbox_message GROUP BY state")
    return {row["state"]: row["n"] for row in await cursor.fetchall()}
