"""The migrations make exactly the tables that the code describes."""

import asyncio

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, create_engine, text
from sqlmodel import SQLModel

from store import (  # noqa: F401 - registers the tables
    steps,
    tables,
    tables_demand,
    tables_forecast,
    tables_freight,
    tables_people,
    tables_planning,
    tables_procurement,
    tables_promising,
    tables_reconciling,
    tables_stock,
)
from store.engine import Database
from store.migrate import config, sqlalchemy_url, upgrade
from tests.store.rows import SHIPPED, rows, shipped_order


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


async def test_planning_begins_with_the_stock_that_is_there(database: Database) -> None:
    await shipped_order(database)
    moves = {"on_hand:LYS": {"A": -40}, "transit:DN-1": {"A": 40}}
    await steps.write(database, SHIPPED.model_copy(update={"version": 4, "moves": moves}))
    told = sorted((x["kind"], x["site"], x["packs"], x["shipment"]) for x in await rows(database, "planning_delta"))
    await asyncio.to_thread(command.downgrade, config(database.url), "0006")
    [before] = await rows(database, "planning_delta")
    assert before["body"]["movements"] == [{"item": "A", "quantity": 40}]
    await asyncio.to_thread(upgrade, database.url)
    again = sorted((x["kind"], x["site"], x["packs"], x["shipment"]) for x in await rows(database, "planning_delta"))
    assert again == told
    assert told[1:] == [("stock:in_transit", "LYS", 40, "DN-1"), ("stock:on_hand", "LYS", -40, "")]
    await steps.write(database, SHIPPED.model_copy(update={"version": 4, "moves": moves}))
    assert len(await rows(database, "planning_delta")) == 3, "what was booked before is told once"
