"""A batch says once which columns it has: its names, its arrays and its updates agree."""

from typing import NamedTuple

from psycopg.types.json import Jsonb

from store.batches import RowBatch
from store.engine import Database


class Counted(NamedTuple):
    """Packs of an item."""

    item: str
    packs: int | None
    found: dict[str, int] | None = None


BATCH = RowBatch[Counted](item="text", packs=("bigint", lambda it: it.packs or 0), found="jsonb")


async def test_rows_come_back_as_they_were_said(database: Database) -> None:
    said = [Counted("B", 3, {"LYS": 1}), Counted("A", None)]
    async with database.connection() as connection:
        found = await connection.execute(f"SELECT * FROM {BATCH.rows}".encode(), BATCH.arrays(said))
        assert [tuple(row.values()) for row in await found.fetchall()] == [("B", 3, {"LYS": 1}), ("A", 0, None)]
        found = await connection.execute(f"SELECT n, item FROM {BATCH.counted}".encode(), BATCH.arrays(said))
        assert [tuple(row.values()) for row in await found.fetchall()] == [(1, "B"), (2, "A")]
        found = await connection.execute(f"SELECT {BATCH.names} FROM {BATCH.rows}".encode(), BATCH.arrays(iter(())))
        assert await found.fetchall() == []


async def test_what_is_known_takes_the_new_values(database: Database) -> None:
    async with database.transaction() as connection:
        await connection.execute("CREATE TEMP TABLE counted (item text PRIMARY KEY, packs bigint, found jsonb)")
        for packs in (1, 2):
            await connection.execute(
                f"""
                INSERT INTO counted ({BATCH.names})
                SELECT *
                FROM {BATCH.rows}
                ON CONFLICT (item) DO UPDATE
                SET {BATCH.updates("item", "found")}
                """.encode(),
                BATCH.arrays([Counted("A", packs, {"LYS": packs})]),
            )
        found = await connection.execute("SELECT * FROM counted")
        assert await found.fetchall() == [{"item": "A", "packs": 2, "found": {"LYS": 1}}]


def test_a_document_is_sent_as_one_and_nothing_as_nothing() -> None:
    [document, nothing] = BATCH.arrays([Counted("A", 1, {}), Counted("B", 1)])["found"]
    assert isinstance(document, Jsonb)
    assert nothing is None
