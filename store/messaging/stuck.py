"""Messages that are not final although they should be: found, and brought to an end with a reason."""

from typing import Any

from schemas.base import Origin
from store.engine import Connection
from store.messaging import events, inbox, quarantine, signals


async def unplaced(connection: Connection, after_s: float, limit: int) -> list[dict[str, Any]]:
    """(id, partner, kind, tried, workflow_id) of open messages that came, or were due, so long ago. None was taken,
    or the target does not answer. `tried`: delivery to a workflow was tried."""
    cursor = await connection.execute(
        """
        SELECT m.id, m.partner, m.kind, m.state = 'routed' OR m.attempts > 0 AS tried,
            CASE
                WHEN m.workflow_id = '' AND o.key IS NOT NULL THEN 'order/' || o.key
                ELSE m.workflow_id
            END AS workflow_id
        FROM inbox_message m
        LEFT JOIN order_view o ON o.inbox_id = m.id AND m.kind = %(release)s
        WHERE (
            m.state = 'received'
            AND (
                m.received_at < clock_timestamp() - make_interval(secs => %(after_s)s)
                AND m.attempts > 0
                OR greatest(m.received_at, m.not_before) < clock_timestamp()
                    - make_interval(secs => %(after_s)s)
            )
        )
            OR (
                m.state = 'routed'
                AND m.kind <> %(event)s
                AND m.received_at < clock_timestamp() - make_interval(secs => %(after_s)s)
            )
        ORDER BY m.id LIMIT %(limit)s
        """,
        {"after_s": after_s, "limit": limit, "release": inbox.RELEASE, "event": inbox.EVENT},
    )
    return await cursor.fetchall()


async def unanswered(connection: Connection, after_s: float, limit: int) -> list[dict[str, Any]]:
    """(order_key, event_id, kind, body, sends) of events that were placed so long ago and are pending."""
    cursor = await connection.execute(
        """
        SELECT o.order_key, o.event_id, e.kind, e.body, o.sends
        FROM event_order o
        JOIN event e ON e.id = o.event
        JOIN inbox_message m ON m.id = e.inbox_id
        WHERE o.state = 'pending' AND m.received_at < clock_timestamp() - make_interval(secs => %s)
        ORDER BY e.id, o.order_key LIMIT %s
        """,
        (after_s, limit),
    )
    return await cursor.fetchall()


async def put_aside(
    connection: Connection, order_key: str, event_id: str, reason: str, origin: Origin = Origin.TRANSFORMATION
) -> None:
    """Record that the order cannot take this event. When no other order has taken it, its message is quarantined, so
    that a replay places it anew. Otherwise the event is settled for this order alone."""
    cursor = await connection.execute(
        """
        SELECT e.id, e.inbox_id,
            EXISTS (SELECT FROM event_order x WHERE x.event = e.id AND x.order_key <> o.order_key) AS shared
        FROM event_order o
        JOIN event e ON e.id = o.event
        WHERE o.order_key = %s AND o.event_id = %s AND o.state = 'pending'
        FOR UPDATE OF o
        """,
        (order_key, event_id),
    )
    row = await cursor.fetchone()
    if row is None:  # answered for meanwhile
        return
    if row["shared"]:
        await events.supersede(connection, order_key, [event_id], reason)
        return
    await connection.execute("DELETE FROM event_order WHERE event = %s", (row["id"],))
    await connection.execute("DELETE FROM event WHERE id = %s", (row["id"],))
    await quarantine.put(connection, row["inbox_id"], reason, origin)


async def quarantine_message(connection: Connection, message: int, reason: str) -> bool:
    """Its workflow cannot take this command or document in: it is quarantined, unless it was decided meanwhile."""
    cursor = await connection.execute(
        """
        SELECT
        FROM inbox_message m
        WHERE id = %s
            AND state IN ('received', 'routed')
            AND NOT EXISTS (SELECT FROM outcome w WHERE w.inbox_id = m.id)
        FOR UPDATE
        """,
        (message,),
    )
    if waits := await cursor.fetchone() is not None:
        await quarantine.put(connection, message, reason, Origin.TRANSFORMATION)
    return waits


async def supersede(connection: Connection, order_key: str, event_id: str, reason: str, workflow: str) -> None:
    """Settle the event if what its workflow was about is closed. Open messages wait until their workflow runs again."""
    standing = await signals.standing(connection, workflow)
    if standing and standing.closed:
        await events.supersede(connection, order_key, [event_id], reason)


async def wake_relay(connection: Connection) -> None:
    """Let every relay look at the inbox now."""
    await connection.execute(f"NOTIFY {inbox.CHANNEL}")
