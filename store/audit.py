"""The audit trail: who did what to what. The database chains it; `verify` finds the first row that was tampered with."""

from typing import Any

from psycopg.types.json import Jsonb

from store.engine import Connection


async def record(connection: Connection, actor: str, action: str, subject: str, **detail: Any) -> None:
    """Append an entry. Serialises with other entries until the transaction ends: keep it for rare, deliberate acts."""
    await connection.execute(
        "INSERT INTO audit_entry (id, at, actor, action, subject, detail, previous, hash) "
        "VALUES (0, now(), %s, %s, %s, %s, '', '')",
        (actor, action, subject, Jsonb(detail)),
    )


async def verify(connection: Connection) -> int | None:
    """The id of the first row whose hash, link or number does not fit, or None when the whole chain holds."""
    cursor = await connection.execute(
        "SELECT id FROM (SELECT e.id, e.hash <> audit_hash(e) OR e.previous <> lag(e.hash, 1, '') OVER w "
        "OR e.id <> row_number() OVER w AS bad FROM audit_entry e WINDOW w AS (ORDER BY e.id)) c WHERE bad ORDER BY id LIMIT 1"
    )
    row = await cursor.fetchone()
    return row["id"] if row else None
