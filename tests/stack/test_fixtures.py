"""The fixtures that all other tests lean on."""

import psycopg
from temporalio.client import Client


async def test_a_database_is_migrated(database_url: str) -> None:
    async with await psycopg.AsyncConnection.connect(database_url) as connection:
        await connection.execute("SELECT raw FROM inbox_message")
        await connection.execute("CREATE TABLE only_here (id int)")


async def test_a_database_is_nobody_elses(database_url: str) -> None:
    async with await psycopg.AsyncConnection.connect(database_url) as connection:
        row = await (
            await connection.execute("SELECT to_regclass('inbox_message'), to_regclass('only_here')")
        ).fetchone()
    assert row == ("inbox_message", None)


async def test_temporal_answers(temporal_client: Client) -> None:
    assert await temporal_client.service_client.check_health()
