"""The inbox: every accepted message with its raw bytes, and what became of it.

received → routed → applied | superseded, or quarantined with a reason and, when only time or another message can help,
with what it is `waiting_for`.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb

from schemas.base import Origin
from store.engine import Connection

CHANNEL = "inbox"
"""PostgreSQL notification channel that wakes the relay."""

RELEASE, EVENT = "order.release", "event"
AMEND, CANCEL, HOLD, RESUME = "order.amend", "order.cancel", "order.hold", "order.resume"
ACT, REPLAN, RETURN = "order.act", "order.replan", "order.return"
PURCHASE, PAPER, PROPOSAL = "purchase.order", "purchase.document", "replenishment.proposal"
INVENTORY, FORECAST, DEMAND, MASTER = "inventory", "forecast", "demand", "master.change"
ACKNOWLEDGE, ASSIGN, RESOLVE = "case.acknowledge", "case.assign", "case.resolve"
"""Kinds of messages. All but releases and events are commands."""


@dataclass(frozen=True)
class NewMessage:
    """A message to accept. `digest` is the SHA-256 of `raw`; `headers` holds no secret."""

    partner: str
    channel: str
    kind: str
    external_id: str
    digest: str
    raw: bytes
    traceparent: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    delay_s: float = 0.0


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


async def accept(connection: Connection, messages: list[NewMessage]) -> list[int]:
    """Insert messages and wake the relay; returns their ids in the same order. Durable when the transaction commits."""
    cursor = await connection.execute(
        "INSERT INTO inbox_message (partner, channel, kind, external_id, digest, headers, raw, traceparent, not_before) "
        "SELECT p, c, k, x, d, h, r, t, now() + make_interval(secs => s) FROM unnest("
        "%s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::jsonb[], %s::bytea[], %s::text[], %s::float8[]) "
        "AS m(p, c, k, x, d, h, r, t, s) RETURNING id",
        (
            [m.partner for m in messages],
            [m.channel for m in messages],
            [m.kind for m in messages],
            [m.external_id for m in messages],
            [m.digest for m in messages],
            [Jsonb(m.headers) for m in messages],
            [m.raw for m in messages],
            [m.traceparent for m in messages],
            [m.delay_s for m in messages],
        ),
    )
    ids = [row["id"] for row in await cursor.fetchall()]
    await connection.execute(f"NOTIFY {CHANNEL}")
    return ids


async def claim(connection: Connection, limit: int) -> list[Message]:
    """Lock up to `limit` messages that are due, oldest first; other relays skip them until this transaction ends."""
    cursor = await connection.execute(
        "SELECT id, partner, kind, external_id, raw, traceparent, received_at, attempts FROM inbox_message "
        "WHERE state = 'received' AND not_before <= now() ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED",
        (limit,),
    )
    return [Message(**row) for row in await cursor.fetchall()]


async def routed(connection: Connection, ids: list[int]) -> None:
    """These messages have been placed and go to their workflows."""
    await connection.execute(
        "UPDATE inbox_message SET state = 'routed' WHERE id = ANY(%s) AND state = 'received'", (ids,)
    )


async def settle(connection: Connection, ids: list[int], state: str, reasons: list[str | None]) -> None:
    """Messages reached `applied` or `superseded`. Applied wins: one order's refusal does not hide another's use."""
    await connection.execute(
        "UPDATE inbox_message m SET state = %s, reason = s.reason, settled_at = clock_timestamp() "
        "FROM unnest(%s::bigint[], %s::text[]) AS s(id, reason) WHERE m.id = s.id AND m.state <> 'applied'",
        (state, ids, reasons),
    )


@dataclass(frozen=True)
class Quarantine:
    """Why a message is parked, and what would bring it back."""

    message: int
    reason: str
    origin: Origin
    waiting_for: str | None = None


async def quarantine(
    connection: Connection, message: int, reason: str, origin: Origin, waiting_for: str | None = None
) -> None:
    """Park a message with its reason; its raw bytes stay. `waiting_for` brings it back when that appears."""
    await quarantine_all(connection, [Quarantine(message, reason, origin, waiting_for)])


async def quarantine_all(connection: Connection, parked: list[Quarantine]) -> None:
    """Park messages, each with its reason, in one statement."""
    await connection.execute(
        "UPDATE inbox_message m SET state = 'quarantined', reason = x.reason, origin = x.origin, "
        "waiting_for = x.waiting_for, settled_at = clock_timestamp() "
        "FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::text[]) AS x(id, reason, origin, waiting_for) "
        "WHERE m.id = x.id",
        (
            [p.message for p in parked],
            [p.reason for p in parked],
            [p.origin for p in parked],
            [p.waiting_for for p in parked],
        ),
    )


async def postpone(connection: Connection, ids: list[int], delay_s: float) -> None:
    """Try these again after a while: what they need is down."""
    await connection.execute(
        "UPDATE inbox_message SET attempts = attempts + 1, not_before = now() + make_interval(secs => %s) "
        "WHERE id = ANY(%s) AND state = 'received'",
        (delay_s, ids),
    )


async def awaken(connection: Connection, names: list[str]) -> int:
    """Bring back messages that wait for what appears in this transaction (`order:…`, `shipment:…`, `po:…`, `master:…`);
    returns how many there were. Whatever happens to their order next must not overtake them by a second."""
    cursor = await connection.execute(
        "UPDATE inbox_message SET state = 'received', waiting_for = NULL, reason = NULL, origin = NULL, settled_at = NULL, "
        "not_before = now() WHERE waiting_for = ANY(%s) AND state = 'quarantined'",
        (names,),
    )
    if cursor.rowcount:
        await connection.execute(f"NOTIFY {CHANNEL}")
    return cursor.rowcount


async def revive(connection: Connection, ids: list[int] | None = None) -> int:
    """Bring back what `awaken` missed because it was parked at that very moment: of these, once they are committed, at the
    first attempts only; or of everything that waits, now and then."""
    cursor = await connection.execute(
        "UPDATE inbox_message m SET state = 'received', waiting_for = NULL, reason = NULL, origin = NULL, "
        "settled_at = NULL, not_before = now(), attempts = attempts + (%(ids)s::bigint[] IS NOT NULL)::int "
        "WHERE waiting_for IS NOT NULL AND state = 'quarantined' "
        "AND (%(ids)s::bigint[] IS NULL OR m.id = ANY(%(ids)s) AND m.attempts < 2) AND ("
        "EXISTS (SELECT FROM order_view o WHERE o.key = substr(m.waiting_for, 7) AND m.waiting_for LIKE 'order:%%' "
        "AND o.status <> 'released') OR "
        "EXISTS (SELECT FROM order_view o WHERE o.number = substr(m.waiting_for, 8) AND m.waiting_for LIKE 'number:%%' "
        "AND o.status <> 'released') OR "
        "EXISTS (SELECT FROM shipment_order s WHERE s.shipment = substr(m.waiting_for, 10) "
        "AND m.waiting_for LIKE 'shipment:%%') OR "
        "EXISTS (SELECT FROM inbound_shipment s WHERE s.shipment = substr(m.waiting_for, 10) "
        "AND m.waiting_for LIKE 'shipment:%%') OR "
        "EXISTS (SELECT FROM purchase_order p WHERE p.erp || '/' || p.number = substr(m.waiting_for, 4) "
        "AND m.waiting_for LIKE 'po:%%') OR "
        "EXISTS (SELECT FROM master_record r WHERE r.known AND m.waiting_for LIKE 'master:%%' "
        "AND m.waiting_for = 'master:' || r.owner || '/' || r.kind || '/' || r.id) OR "
        "EXISTS (SELECT FROM order_view o, unnest(o.parties) AS party WHERE o.key = substr(m.waiting_for, 7 + "
        "length(m.partner) + 1) AND m.waiting_for LIKE 'party:%%' AND party = m.partner))",
        {"ids": ids},
    )
    if cursor.rowcount:
        await connection.execute(f"NOTIFY {CHANNEL}")
    return cursor.rowcount


async def command(connection: Connection, kind: str, external_id: str, digest: str) -> tuple[int, datetime, str]:
    """(id, received_at, traceparent) of the first message that brought a command. Raises LookupError.

    The same caller's id may have been used for another order or case: these have another `digest`. The last condition
    only says what the index on commands is made of.
    """
    cursor = await connection.execute(
        "SELECT id, received_at, traceparent FROM inbox_message WHERE kind = %s AND external_id = %s AND digest = %s "
        "AND kind NOT IN ('event', 'order.release') ORDER BY id LIMIT 1",
        (kind, external_id, digest),
    )
    row = await cursor.fetchone()
    if row is None:
        raise LookupError(external_id)
    return row["id"], row["received_at"], row["traceparent"]


async def replay(connection: Connection, ids: list[int]) -> int:
    """Bring quarantined messages back after a repair; returns how many there were."""
    cursor = await connection.execute(
        "UPDATE inbox_message SET state = 'received', waiting_for = NULL, reason = NULL, origin = NULL, "
        "settled_at = NULL, not_before = now() WHERE id = ANY(%s) AND state = 'quarantined'",
        (ids,),
    )
    await connection.execute(f"NOTIFY {CHANNEL}")
    return cursor.rowcount


async def quarantined(connection: Connection, limit: int = 100) -> list[dict[str, Any]]:
    """The newest quarantined messages, without their bytes."""
    cursor = await connection.execute(
        "SELECT id, partner, channel, kind, external_id, reason, origin, waiting_for, received_at FROM inbox_message "
        "WHERE state = 'quarantined' ORDER BY id DESC LIMIT %s",
        (limit,),
    )
    return await cursor.fetchall()


async def counts(connection: Connection) -> dict[str, int]:
    """How many messages are in each state."""
    cursor = await connection.execute("SELECT state, count(*) AS n FROM inbox_message GROUP BY state")
    return {row["state"]: row["n"] for row in await cursor.fetchall()}
