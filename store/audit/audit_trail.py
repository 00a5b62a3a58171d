"""The audit trail: who did what to what. Each entry is sealed and chained; `store.seals` says what is wrong with it."""

from collections.abc import AsyncIterator
from typing import Any

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from store.engine import Connection
from store.seals import SealedEntry, Trail, Unsealed

PAGE = 5_000
"""Entries that are read at a time: some megabytes, well within a statement's time."""
LOWEST = -(2**63)
"""The lowest bigint: before every id."""
# What the database made of an entry before there was a key. Built-in functions only: ours could have been replaced.
PLAIN = """
    CASE
        WHEN key = '' THEN encode(
            sha256(
                convert_to(
                    jsonb_build_array(
                        id, extract(epoch FROM at), actor, action, subject, detail, previous
                    )::text,
                    'UTF8'
                )
            ),
            'hex'
        )
        ELSE ''
    END
"""
COLUMNS = f"id, at, actor, action, subject, detail::text AS detail, previous, hash, key, {PLAIN} AS plain"


async def add_entry(connection: Connection, actor: str, action: str, subject: str, **detail: Any) -> None:
    """Append an entry, within a transaction. Serialises with other entries until it ends: for rare, deliberate acts.

    Raises `Unsealed` when the pool was opened without a key.
    """
    if connection.seals is None:
        raise Unsealed("this connection was opened without a key for the audit trail")
    key = connection.seals.own
    cursor = await connection.execute("SELECT id, at, previous, detail FROM audit_next(%s)", (Jsonb(detail),))
    entry = SealedEntry(actor=actor, action=action, subject=subject, key=key.name, **(await cursor.fetchone() or {}))
    await connection.execute(
        """
        INSERT INTO audit_entry (id, at, actor, action, subject, detail, previous, key, hash)
        VALUES (%s, %s, %s, %s, %s, %s::jsonb, %s, %s, %s)
        """,
        (entry.id, entry.at, actor, action, subject, entry.detail, entry.previous, key.name, key.seal(entry)),
    )


async def page(connection: Connection, start: int, limit: int = PAGE) -> list[SealedEntry]:
    """The entries from this id on, in their order."""
    async with connection.cursor(row_factory=class_row(SealedEntry)) as cursor:
        await cursor.execute(
            f"SELECT {COLUMNS} FROM audit_entry WHERE id >= %s ORDER BY id LIMIT %s".encode(), (start, limit)
        )
        return await cursor.fetchall()


async def pages(connection: Connection, start: int = 1) -> AsyncIterator[list[SealedEntry]]:
    """All entries from this id on, page by page; from 1 on, those that nobody may number too."""
    start = start if start > 1 else LOWEST
    while found := await page(connection, start):
        yield found
        start = found[-1].id + 1


async def verify(connection: Connection, trail: Trail) -> str | None:
    """The first thing that is wrong from the trail's start to its end, or None when it is whole."""
    async for found in pages(connection, trail.start):
        if wrong := trail.take(found):
            return wrong
    return trail.end()


async def head(connection: Connection) -> SealedEntry | None:
    """The newest entry."""
    async with connection.cursor(row_factory=class_row(SealedEntry)) as cursor:
        await cursor.execute(f"SELECT {COLUMNS} FROM audit_entry ORDER BY id DESC LIMIT 1".encode())
        return await cursor.fetchone()
