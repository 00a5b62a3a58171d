"""The audit trail: whoever changes it, with whatever rights, is found."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
import pytest_asyncio

from schemas.settings import Settings
from stack.layout import LocalStack
from stack.postgres import APPLICATION
from store import rights
from store.audit import audit_trail
from store.audit.anchors import Anchors, Forged
from store.engine import Connection, Database
from store.seals import Anchor, Key, SealedEntry, Seals, Trail, Unsealed
from tests.seals import SEALS

COUNT = 5
OTHER = Key.of("the key of somebody who has the database only")
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
UNGUARDED = "ALTER TABLE audit_entry DISABLE TRIGGER USER"


@pytest_asyncio.fixture(scope="module")
async def audited_url(local_services: LocalStack, _template: str) -> AsyncIterator[str]:
    """One database for all these tests."""
    yield await local_services.postgres.create_database("audited", _template)
    await local_services.postgres.drop_database("audited")


@pytest_asyncio.fixture
async def connection(audited_url: str) -> AsyncIterator[Connection]:
    """A transaction in it, whose work is undone."""
    async with Database(audited_url, 2, SEALS) as database, database.transaction() as connection:
        yield connection
        raise psycopg.Rollback


async def trail(connection: Connection) -> None:
    """A few entries."""
    for number in range(1, COUNT + 1):
        await audit_trail.add_entry(
            connection, "helpdesk", "replay", f"message {number}", number=number, share=0.1, far=1e22
        )


async def wrong(connection: Connection, *anchors: Anchor, seals: Seals = SEALS) -> str | None:
    """What is wrong with the whole trail."""
    return await audit_trail.verify(connection, Trail(seals, anchors))


async def anchor(connection: Connection, seals: Seals = SEALS) -> Anchor:
    """The end of the trail as it is."""
    head = await audit_trail.head(connection)
    return seals.own.anchor(head.id, head.hash, NOW) if head else seals.own.anchor(0, "", NOW)


async def made_anew(connection: Connection, key: Key | None, start: int = 1) -> None:
    """Somebody with every right on the database hashes the chain again from an entry on; without a key: as of old."""
    before = [it for it in await audit_trail.page(connection, 1) if it.id < start]
    previous = before[-1].hash if before else ""
    for entry in await audit_trail.page(connection, start):
        changed = replace(entry, previous=previous, key=key.name if key else "")
        await connection.execute(
            "UPDATE audit_entry SET previous = %s, key = %s WHERE id = %s", (previous, changed.key, entry.id)
        )
        if key is None:
            [changed] = await audit_trail.page(connection, entry.id, 1)
        previous = key.seal(changed) if key else changed.plain
        await connection.execute("UPDATE audit_entry SET hash = %s WHERE id = %s", (previous, entry.id))


async def test_an_untouched_trail_holds(connection: Connection) -> None:
    empty = await anchor(connection)
    assert await wrong(connection, empty) is None
    await trail(connection)
    assert await wrong(connection, empty, await anchor(connection)) is None


async def test_without_a_key_nothing_is_written(connection: Connection) -> None:
    connection.seals = None
    with pytest.raises(Unsealed):
        await trail(connection)
    assert await audit_trail.head(connection) is None


@pytest.mark.parametrize(
    "statement", ["UPDATE audit_entry SET actor = 'x'", "DELETE FROM audit_entry", "TRUNCATE audit_entry"]
)
async def test_it_can_only_grow(connection: Connection, statement: str) -> None:
    await trail(connection)
    with pytest.raises(psycopg.errors.RaiseException, match="append-only"):
        async with connection.transaction():
            await connection.execute(statement.encode())
    assert await wrong(connection) is None


async def test_an_entry_that_does_not_follow_the_last_is_refused(connection: Connection) -> None:
    await trail(connection)
    [last] = await audit_trail.page(connection, COUNT)
    for id, previous in ((COUNT + 2, last.hash), (COUNT + 1, last.previous)):
        with pytest.raises(psycopg.errors.RaiseException, match="is a chain"):
            async with connection.transaction():
                await connection.execute(
                    "INSERT INTO audit_entry (id, at, actor, action, subject, detail, previous, key, hash) "
                    "VALUES (%s, now(), 'x', 'x', 'x', '{}', %s, 'x', 'x')",
                    (id, previous),
                )


@pytest.mark.parametrize(
    ("tampering", "found"),
    [
        ("UPDATE audit_entry SET actor = 'x' WHERE id = 3", "entry 3 was changed"),
        ("UPDATE audit_entry SET detail = '{}' WHERE id = 1", "entry 1 was changed"),
        ("UPDATE audit_entry SET at = at + interval '1 us' WHERE id = 5", "entry 5 was changed"),
        ("DELETE FROM audit_entry WHERE id = 2", "entries 2 to 2 are missing"),
        ("DELETE FROM audit_entry WHERE id <= 2", "entries 1 to 2 are missing"),
        (
            "UPDATE audit_entry SET id = CASE id WHEN 2 THEN -4 WHEN 4 THEN -2 END WHERE id IN (2, 4);"
            "UPDATE audit_entry SET id = -id WHERE id < 0",
            "entry 2 does not follow the one before it",
        ),
        ("UPDATE audit_entry SET id = 0 WHERE id = 3", "entry 0 has a number that no entry has there"),
        ("DELETE FROM audit_entry WHERE id > 3", "the end is missing, up to entry 5"),
        ("DELETE FROM audit_entry", "the end is missing, up to entry 5"),
        ("TRUNCATE audit_entry", "the end is missing, up to entry 5"),
        ("UPDATE audit_entry SET key = '' WHERE id = 4", "entry 4 is not sealed"),
    ],
    ids=["edit", "edit the first", "date", "delete", "head", "reorder", "below", "tail", "all", "truncate", "unseal"],
)
async def test_tampering_by_a_superuser_is_found(connection: Connection, tampering: str, found: str) -> None:
    await trail(connection)
    kept = await anchor(connection)
    await connection.execute(UNGUARDED)
    await connection.execute(tampering.encode())
    assert (await wrong(connection, kept) or "").startswith(found)


@pytest.mark.parametrize("start", [1, 3, COUNT])
@pytest.mark.parametrize("key", [OTHER, None])
async def test_a_chain_that_is_made_anew_without_the_key_is_found(
    connection: Connection, start: int, key: Key | None
) -> None:
    await trail(connection)
    kept = await anchor(connection)
    await connection.execute(UNGUARDED)
    await connection.execute("UPDATE audit_entry SET subject = 'x' WHERE id = %s", (start,))
    await made_anew(connection, key, start)
    assert await wrong(connection, kept) is not None
    if key or start > 1:
        assert str(start) in (await wrong(connection) or ""), "also without an anchor"


async def test_a_chain_that_is_made_anew_with_the_key_is_found_by_its_anchor(connection: Connection) -> None:
    await trail(connection)
    kept = await anchor(connection)
    await connection.execute(UNGUARDED)
    await connection.execute("UPDATE audit_entry SET subject = 'x' WHERE id = 2")
    await made_anew(connection, SEALS.own, 2)
    assert await wrong(connection) is None
    assert "made anew" in (await wrong(connection, kept) or "")


async def test_the_key_can_be_changed_and_never_goes_back(connection: Connection) -> None:
    newer = Seals((OTHER, *SEALS.keys))
    await trail(connection)
    connection.seals = newer
    await trail(connection)
    assert await wrong(connection, seals=newer) is None
    assert await wrong(connection) == "entry 6 is sealed with a key that is not known here"
    connection.seals = SEALS
    await trail(connection)
    assert await wrong(connection, seals=newer) == "entry 11 is sealed with an older key than the one before it"


async def test_entries_from_before_there_was_a_key_are_held_by_the_first_anchor(connection: Connection) -> None:
    await trail(connection)
    await connection.execute(UNGUARDED)
    await made_anew(connection, None)
    await connection.execute("ALTER TABLE audit_entry ENABLE TRIGGER USER")
    first = await anchor(connection)
    await trail(connection)
    assert await wrong(connection, first) is None
    await connection.execute(UNGUARDED)
    await connection.execute("DELETE FROM audit_entry WHERE id > 6")
    await made_anew(connection, None, 6)
    assert await wrong(connection, first) == "entry 6 is not sealed, and is newer than the first anchor"


async def test_entries_made_at_once_still_make_one_chain(database: Database) -> None:
    async def one(number: int) -> None:
        async with database.transaction() as connection:
            await audit_trail.add_entry(connection, "helpdesk", "replay", f"message {number}")

    await asyncio.gather(*(one(number) for number in range(20)))
    async with database.connection() as connection:
        assert await wrong(connection) is None
        head = await audit_trail.head(connection)
        assert head is not None
        assert head.id == 20


def test_the_database_never_has_the_key() -> None:
    entry = SealedEntry(1, NOW, "a", "b", "c", "{}", "")
    assert SEALS.own.key.hex() not in f"{SEALS.own.seal(entry)} {SEALS.own.name} {SEALS!r}"
    with pytest.raises(Unsealed):
        Seals.of(Settings(master_secret=""))
    one, other = (Seals.of(Settings(master_secret="m" * 32, audit_key=key)) for key in ("", "k" * 32))
    assert one.own.seal(entry) != other.own.seal(entry)
    with pytest.raises(ValueError, match="32 characters"):
        Settings(audit_key="short")


def test_anchors_are_kept_in_files_that_only_grow(tmp_path: Path) -> None:
    kept, place = Anchors(tmp_path / "anchors", SEALS), tmp_path / "anchors"
    kept.look()
    assert kept.known() == ()
    for id, month in ((0, 1), (4, 2), (9, 2)):
        kept.append(SEALS.own.anchor(id, f"hash {id}", datetime(2026, month, 1, 12, 0, 0, 5, tzinfo=UTC)))
    assert [it.id for it in kept.known()] == [0, 9]
    assert sorted(file.name for file in place.iterdir()) == ["anchors-2026-01.jsonl", "anchors-2026-02.jsonl"]
    file = place / "anchors-2026-02.jsonl"
    lines = file.read_text().splitlines(keepends=True)
    file.write_text(lines[0])
    with pytest.raises(Forged, match="cut"):
        kept.look()
    for line in (json.dumps(json.loads(lines[1]) | {"id": 8}), "no JSON"):
        file.write_text(f"{line}\n")
        with pytest.raises(Forged):
            Anchors(place, SEALS).look()
    log = tmp_path / "worker.log"
    log.write_text(json.dumps({"event": "audit.anchored", "level": "info", **json.loads(lines[1])}) + "\nand so on\n")
    read = Anchors(log, SEALS)
    read.look()
    assert (read.count, {it.id for it in read.known()}) == (1, {9})


async def test_what_is_only_appended_is_one_list(connection: Connection) -> None:
    cursor = await connection.execute(
        "SELECT DISTINCT tgrelid::regclass::text AS table FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid "
        "WHERE p.prosrc LIKE '%is append-only%' ORDER BY 1"
    )
    assert tuple(row["table"] for row in await cursor.fetchall()) == rights.APPENDED


async def test_the_application_may_neither_change_what_is_kept_nor_the_schema(
    audited_url: str, local_services: LocalStack
) -> None:
    url = local_services.postgres.url_of("audited", APPLICATION)
    for _ in range(2):
        await asyncio.to_thread(rights.grant, audited_url, url)
    async with Database(url, 2, SEALS) as database:
        async with database.transaction() as connection:
            await trail(connection)
            assert await wrong(connection) is None
            await connection.execute("UPDATE partner SET name = name")
        for statement in (
            "UPDATE audit_entry SET actor = 'x'",
            "UPDATE stock_entry SET packs = 0",
            "UPDATE freight_entry SET amount = 0",
            *(f"{word} {table}" for table in rights.APPENDED for word in ("DELETE FROM", "TRUNCATE")),
            "TRUNCATE order_view",
            UNGUARDED,
            "DROP TRIGGER audit_append_only ON audit_entry",
            "CREATE OR REPLACE FUNCTION audit_append_only() RETURNS trigger LANGUAGE sql AS 'SELECT NULL'",
            "CREATE TABLE mine (id int)",
            "UPDATE alembic_version SET version_num = 'x'",
            "SET session_replication_role = replica",
            "CREATE ROLE another",
        ):
            async with database.connection() as connection:
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    await connection.execute(statement.encode())
