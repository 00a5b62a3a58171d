"""Sessions of people in a browser. The cookie has a random id; here is its SHA-256, and the key that began it."""

import secrets

from store.engine import Connection
from store.partners.partners import Caller, caller_of, key_hash

ID_BYTES = 32
"""Random bytes of a session id: 256 bits cannot be guessed."""
LASTS_S = 12 * 3600
"""A working day; then the key is asked for again."""
MOST = 100
"""Sessions of one key at once; the oldest end when there are more."""


async def begin(connection: Connection, key: str) -> str:
    """A session of whoever has this API key; returns its id, which cannot be read again. Those that are over go."""
    session = f"ss_{secrets.token_urlsafe(ID_BYTES)}"
    await connection.execute(
        "INSERT INTO session (hash, api_key, expires_at) VALUES (%s, %s, now() + %s * interval '1 s')",
        (key_hash(session), key_hash(key), LASTS_S),
    )
    await connection.execute(
        """
        DELETE FROM session
        WHERE expires_at < now()
            OR hash IN (SELECT hash FROM session WHERE api_key = %s ORDER BY begun_at DESC, hash OFFSET %s)
        """,
        (key_hash(key), MOST),
    )
    return session


async def caller(connection: Connection, session: str) -> Caller | None:
    """The holder of a session; None when it is unknown or over, or its key no longer counts."""
    cursor = await connection.execute(
        """
        SELECT p.id, p.role, p.roles
        FROM session s
        JOIN api_key k ON k.hash = s.api_key
        JOIN partner p ON p.id = k.partner
        WHERE s.hash = %s
            AND s.expires_at > now()
            AND k.revoked_at IS NULL
            AND p.active
            AND (k.expires_at IS NULL OR k.expires_at > now())
        """,
        (key_hash(session),),
    )
    row = await cursor.fetchone()
    return caller_of(row) if row else None


async def end(connection: Connection, session: str) -> bool:
    """End a session; whether there was one."""
    cursor = await connection.execute("DELETE FROM session WHERE hash = %s", (key_hash(session),))
    return cursor.rowcount > 0
