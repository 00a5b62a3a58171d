"""The migrations make exactly the tables that the code describes."""

import asyncio

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, create_engine, text
from sqlmodel import SQLModel

import store.tables  # noqa: F401 - registers the tables
from store.migrate import sqlalchemy_url, upgrade


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
