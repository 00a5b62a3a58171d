"""The audit trail: whoever changes it, with whatever rights, is found."""

import asyncio

import psycopg
import pytest

from store import audit
from store.engine import Connection, Database

COUNT = 5


async def trail(connection: Connection) -> None:
    """A few entries."""
    for number in range(1, COUNT + 1):
        await audit.record(connection, "helpdesk", "replay", f"message {number}", number=number)


async def test_an_untouched_trail_holds(database: Database) -> None:
    async with database.connection() as connection:
        assert await audit.verify(connection) is None
        await trail(connection)
        assert await audit.verify(connection) is None


@pytest.mark.parametrize("statement", ["UPDATE audit_entry SET actor = 'x'", "DELETE FROM audit_entry"])
async def test_it_can_only_grow(database: Database, statement: str) -> None:
    async with database.connection() as connection:
        await trail(connection)
        with pytest.raises(psycopg.errors.RaiseException, match="append-only"):
            await connection.execute(statement.encode())
        assert await audit.verify(connection) is None


@pytest.mark.parametrize(
    ("tampering", "found"),
    [
        ("UPDATE audit_entry SET actor = 'x' WHERE id = 3", 3),
        ("UPDATE audit_entry SET detail = '{}' WHERE id = 1", 1),
        ("DELETE FROM audit_entry WHERE id = 2", 3),
        ("DELETE FROM audit_entry WHERE id = 1", 2),
        ("UPDATE audit_entry SET id = CASE id WHEN 2 THEN -4 WHEN 4 THEN -2 END WHERE id IN (2, 4)", 2),
        (
            "UPDATE audit_entry SET subject = 'x' WHERE id = 4;"
            "UPDATE audit_entry SET hash = audit_hash(audit_entry) WHERE id = 4",
            5,
        ),
    ],
    ids=["edit", "edit the first", "delete", "delete the first", "reorder", "edit and hash"],
)
async def test_tampering_by_a_superuser_is_found(database: Database, tampering: str, found: int) -> None:
    async with database.transaction() as connection:
        await trail(connection)
        await connection.execute("ALTER TABLE audit_entry DISABLE TRIGGER USER")
        await connection.execute(tampering.encode())
        await connection.execute("UPDATE audit_entry SET id = -id WHERE id < 0")
        assert await audit.verify(connection) == found


async def test_entries_made_at_once_still_make_one_chain(database: Database) -> None:
    async def one(number: int) -> None:
        async with database.transaction() as connection:
            await audit.record(connection, "helpdesk", "replay", f"message {number}")

    await asyncio.gather(*(one(number) for number in range(20)))
    async with database.connection() as connection:
        assert await audit.verify(connection) is None
