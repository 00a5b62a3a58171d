"""A database as an earlier build left it, brought to the schema of now."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path

import pytest_asyncio
from alembic import command

from stack.layout import LocalStack
from store.engine import Database
from store.migrate import config, upgrade
from tests.seals import SEALS

LEFT = Path(__file__).parent / "fixtures" / "orders_of_b9d2dec.sql"
"""Six orders of an earlier build: promised, partly shipped, amended, on hold, stuck in customs, closed."""
SCHEMA_THEN = "0016"
_numbers = count(1)


@asynccontextmanager
async def left_by_an_earlier_build(services: LocalStack) -> AsyncIterator[Database]:
    """The database of that build after the migration."""
    name = f"left_behind_{next(_numbers)}"
    url = await services.postgres.create_database(name)
    await asyncio.to_thread(command.upgrade, config(url), SCHEMA_THEN)
    async with Database(url, 2) as database, database.transaction() as connection:
        # The rows are as they were: no trigger makes others of them.
        await connection.execute("SET LOCAL session_replication_role = replica")
        for table in ("order_view", "partner", "stock_balance", "planning_calls", "policy", "freight_rate"):
            await connection.execute(f"DELETE FROM {table}".encode())
        await connection.execute(LEFT.read_bytes())
    await asyncio.to_thread(upgrade, url)
    async with Database(url, 12, SEALS) as database:
        yield database
    await services.postgres.drop_database(name)


@pytest_asyncio.fixture(scope="module")
async def left_behind(local_services: LocalStack) -> AsyncIterator[Database]:
    """One for the tests of a file."""
    async with left_by_an_earlier_build(local_services) as database:
        yield database
