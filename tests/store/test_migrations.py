"""The migrations make exactly the tables that the code describes."""

import asyncio

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, create_engine, text
from sqlmodel import SQLModel

from store import tables, tables_people, tables_promising, tables_stock  # noqa: F401 - registers the tables
from store.engine import Database
from store.migrate import config, sqlalchemy_url, upgrade
from tests.store.rows import rows, shipped_order


def differences(connection: Connection) -> list[object]:
    """What autogenerate would still change."""
    return list(compare_metadata(MigrationContext.configure(connection), SQLModel.metadata))


async def test_nothing_is_left_to_migrate(database_url: str) -> None:
    engine = create_engine(sqlalchemy_url(database_url))
    with engine.connect() as connection:
        assert differences(connection) == []
        connection.execute(text("ALTER TABLE partner ADD COLUMN forgotten int"))
        assert differences(connection), "a difference is found"
        connection.rollback()
    engine.dispose()


async def test_migrating_again_changes_nothing(database_url: str) -> None:
    await asyncio.gather(*(asyncio.to_thread(upgrade, database_url) for _ in range(1)))
    engine = create_engine(sqlalchemy_url(database_url))
    with engine.connect() as connection:
        assert differences(connection) == []
    engine.dispose()


async def test_lines_written_before_there_were_stages_satisfy_them(database: Database) -> None:
    await shipped_order(database)
    await asyncio.to_thread(command.downgrade, config(database.url), "0002")
    async with database.connection() as connection:
        await connection.execute("UPDATE order_line_view SET shipped = 15")
        await connection.execute("UPDATE order_view SET status = 'cancelled'")
    await asyncio.to_thread(upgrade, database.url)
    [line] = await rows(database, "order_line_view")
    stages = ("ordered", "cancelled", "allocated", "picked", "packed", "shipped", "delivered", "returned")
    assert [line[stage] for stage in stages] == [40, 25, 15, 15, 15, 15, 0, 0]
