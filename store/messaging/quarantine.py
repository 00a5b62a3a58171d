"""Quarantine: messages that wait for something, brought back when it appears, by a person, or as a repeat."""

from dataclasses import dataclass
from typing import Any

from schemas.base import Origin
from store.batches import RowBatch
from store.engine import Connection
from store.messaging.inbox import CHANNEL

QUARANTINED_WITHIN = "10 seconds"
"""Between a look at what an item's owner says of its units and the quarantine of a message for it: far less than this."""


@dataclass(frozen=True)
class Quarantine:
    """The reason why a message is quarantined, and what would bring it back."""

    message: int
    reason: str
    origin: Origin
    waiting_for: str | None = None


QUARANTINED = RowBatch[Quarantine](message="bigint", reason="text", origin="text", waiting_for="text")


async def put(
    connection: Connection, message: int, reason: str, origin: Origin, waiting_for: str | None = None
) -> None:
    """Quarantine a message with its reason; its raw bytes stay. `waiting_for` brings it back when that appears."""
    await put_all(connection, [Quarantine(message, reason, origin, waiting_for)])


async def put_all(connection: Connection, quarantined: list[Quarantine]) -> None:
    """Quarantine messages, each with its reason, in one statement."""
    await connection.execute(
        f"""
        UPDATE inbox_message m
        SET state = 'quarantined', reason = x.reason, origin = x.origin, waiting_for = x.waiting_for,
            settled_at = clock_timestamp()
        FROM {QUARANTINED.rows}
        WHERE m.id = x.message
        """.encode(),
        QUARANTINED.arrays(quarantined),
    )


BACK = "state = 'received', waiting_for = NULL, reason = NULL, origin = NULL, settled_at = NULL, not_before = now()"
"""SQL: what brings a quarantined message back to the relay."""


async def awaken(connection: Connection, names: list[str]) -> int:
    """Bring back messages that wait for what appears in this transaction (`order:…`, `shipment:…`, `po:…`, `master:…`);
    returns how many there were. Later events of their order must not overtake them by a second."""
    cursor = await connection.execute(
        f"""
        UPDATE inbox_message
        SET {BACK}
        WHERE waiting_for = ANY(%s) AND state = 'quarantined'
        RETURNING id
        """.encode(),
        (names,),
    )
    back = len(await cursor.fetchall())  # a pipeline does not count rows
    if back:
        await connection.execute(f"NOTIFY {CHANNEL}")
    return back


REVIVE = f"""
    UPDATE inbox_message m
    SET {BACK}, attempts = attempts + (%(ids)s::bigint[] IS NOT NULL)::int
    WHERE waiting_for IS NOT NULL
        AND state = 'quarantined'
        AND (%(ids)s::bigint[] IS NULL OR m.id = ANY(%(ids)s) AND m.attempts < 2)
        AND (
            EXISTS (
                SELECT
                FROM order_view o
                WHERE o.key = substr(m.waiting_for, 7)
                    AND m.waiting_for LIKE 'order:%%'
                    AND o.status <> 'released'
            )
            OR EXISTS (
                SELECT
                FROM order_view o
                WHERE o.number = substr(m.waiting_for, 8)
                    AND m.waiting_for LIKE 'number:%%'
                    AND o.status <> 'released'
            )
            OR EXISTS (
                SELECT
                FROM shipment_order s
                JOIN order_view o ON o.key = s.order_key
                WHERE s.shipment = substr(m.waiting_for, 10)
                    AND m.partner = ANY(o.parties)
                    AND m.waiting_for LIKE 'shipment:%%'
            )
            OR EXISTS (
                SELECT
                FROM inbound_shipment s
                JOIN purchase_order p ON p.key = s.order_key
                WHERE s.shipment = substr(m.waiting_for, 10)
                    AND m.partner = ANY(p.parties)
                    AND m.waiting_for LIKE 'shipment:%%'
            )
            OR EXISTS (
                SELECT
                FROM purchase_order p
                WHERE p.erp || '/' || p.number = substr(m.waiting_for, 4) AND m.waiting_for LIKE 'po:%%'
            )
            OR EXISTS (
                SELECT
                FROM master_record r
                WHERE r.known
                    AND m.waiting_for LIKE 'master:%%'
                    AND m.waiting_for = 'master:' || r.owner || '/' || r.kind || '/' || r.id
            )
            OR EXISTS (
                SELECT
                FROM master_record r
                WHERE r.known
                    AND m.waiting_for LIKE 'units:%%'
                    AND m.waiting_for = 'units:' || r.owner || '/' || r.kind || '/' || r.id
                    AND r.fetched_at > m.settled_at - interval '{QUARANTINED_WITHIN}'
            )
            OR EXISTS (
                SELECT
                FROM order_view o, unnest(o.parties) AS party
                WHERE o.key = substr(m.waiting_for, 7 + length(m.partner) + 1)
                    AND m.waiting_for LIKE 'party:%%'
                    AND party = m.partner
            )
        )
"""


async def revive(connection: Connection, ids: list[int] | None = None) -> int:
    """Bring back messages that `awaken` missed because they were quarantined at that very moment. Of these, right
    after their commit and at the first attempts only; or of all, now and then."""
    cursor = await connection.execute(REVIVE.encode(), {"ids": ids})
    if cursor.rowcount:
        await connection.execute(f"NOTIFY {CHANNEL}")
    return cursor.rowcount


async def replay(connection: Connection, ids: list[int]) -> int:
    """Bring quarantined messages back after a repair; returns how many there were."""
    cursor = await connection.execute(
        f"UPDATE inbox_message SET {BACK} WHERE id = ANY(%s) AND state = 'quarantined'".encode(), (ids,)
    )
    await connection.execute(f"NOTIFY {CHANNEL}")
    return cursor.rowcount


async def quarantined(connection: Connection, limit: int = 100) -> list[dict[str, Any]]:
    """The newest quarantined messages, without their bytes."""
    cursor = await connection.execute(
        """
        SELECT id, partner, channel, kind, external_id, reason, origin, waiting_for, received_at
        FROM inbox_message
        WHERE state = 'quarantined'
        ORDER BY id DESC LIMIT %s
        """,
        (limit,),
    )
    return await cursor.fetchall()
