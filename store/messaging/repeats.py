"""Messages that come again while they are in quarantine: the same bring themselves back, others take their place."""

from typing import NamedTuple

from store.engine import Connection
from store.messaging import inbox, quarantine
from store.messaging.inbox import Message, NewMessage

KINDS = (inbox.EVENT, inbox.DOCUMENT)
"""Kinds of messages that their sender names by an id, and may send again under it."""
QUARANTINED = """
    SELECT m.*
    FROM inbox_message m
    WHERE m.external_id = x.external_id
        AND m.state = 'quarantined'
        AND m.partner = x.partner
        AND m.kind = x.kind
"""
"""The quarantined message under an id. Looked up for each id (`OFFSET 0`): a join would read all that is in
quarantine."""


ACCEPT = f"""
    WITH x AS (SELECT * FROM {inbox.ACCEPTED.counted}),
    known AS (
        SELECT x.n, min(m.id) AS id
        FROM x
        JOIN LATERAL ({QUARANTINED} AND m.digest = x.digest OFFSET 0) m ON true
        WHERE x.kind = ANY(%(repeatable)s)
        GROUP BY x.n
    ),
    again AS (
        UPDATE inbox_message
        SET {quarantine.BACK}
        WHERE id IN (SELECT id FROM known) AND state = 'quarantined'
    ),
    fresh AS ({inbox.INSERT} x WHERE x.n NOT IN (SELECT n FROM known) ORDER BY n RETURNING id),
    all_of AS (SELECT n, id FROM known UNION ALL SELECT NULL, id FROM fresh)
    SELECT n, id, pg_notify('{inbox.CHANNEL}', '')
    FROM all_of
    ORDER BY id
""".encode()


async def insert(connection: Connection, messages: list[NewMessage]) -> list[int]:
    """Accept messages as `inbox.insert` does. The repeat of one in quarantine, of the same partner under the same id,
    makes no row: that one is tried again."""
    cursor = await connection.execute(ACCEPT, {**inbox.ACCEPTED.arrays(messages), "repeatable": list(KINDS)})
    rows = await cursor.fetchall()
    known = {row["n"]: row["id"] for row in rows if row["n"] is not None}
    fresh = iter(row["id"] for row in rows if row["n"] is None)
    return [known[n] if n in known else next(fresh) for n in range(1, len(messages) + 1)]


class EarlierMessage(NamedTuple):
    """A message in quarantine that came before `by`, under the same id of the same partner."""

    by: int
    message: Message


async def earlier(connection: Connection, messages: list[Message]) -> list[EarlierMessage]:
    """Quarantined messages under the ids of these, which came before them."""
    cursor = await connection.execute(
        f"""
        SELECT x.by, {", ".join(f"m.{name}" for name in inbox.COLUMNS)}
        FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::text[]) AS x(by, partner, kind, external_id)
        JOIN LATERAL ({QUARANTINED} AND m.id < x.by OFFSET 0) m ON true
        ORDER BY x.by, m.id
        """.encode(),
        (
            [it.id for it in messages],
            [it.partner for it in messages],
            [it.kind for it in messages],
            [it.external_id for it in messages],
        ),
    )
    return [EarlierMessage(row.pop("by"), Message(**row)) for row in await cursor.fetchall()]


async def replace(connection: Connection, replaced: list[EarlierMessage]) -> None:
    """A newer message has taken the place of each of these."""
    reasons: list[str | None] = [f"{inbox.REPLACED} {it.by}" for it in replaced]
    await inbox.settle_messages(connection, [it.message.id for it in replaced], "superseded", reasons)
