"""What never ends: it is started with the worker, for what orders bring, and again when somebody has ended it."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError

from dispatch.temporal import singletons
from schemas.settings import Endpoint, Settings
from store.engine import Database
from tests.stack.standins import until
from tests.store.rows import open_order
from tests.workflows.conftest import server

OWN = Endpoint(url="http://127.0.0.1:1")


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    """A server of its own: what is started here is nobody else's to work off."""
    async with server() as client:
        yield client


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A database of its own."""
    async with Database(database_url, 2) as opened:
        yield opened


async def test_all_that_never_ends_runs_and_is_started_again(
    client: Client, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(singletons, "CHECK_EVERY_S", 0.05)
    config = Settings(planning={"*": OWN, "ENDLESS": OWN}, stock_erp={"*": "erp-endless"})
    names = {"planning/all/0", "planning/ENDLESS/0", "stock/erp-endless", "notices/0", "promising/0"}

    async def runs(name: str) -> bool:
        try:
            found = await client.get_workflow_handle(name).describe()
        except RPCError:
            return False
        return found.status is WorkflowExecutionStatus.RUNNING

    async def all_run() -> bool:
        return all([await runs(name) for name in names])

    keeping = asyncio.create_task(singletons.supervise(client, database, config))
    await until(all_run)
    await open_order(database)
    names |= {"governor/EMEA", "stock/erp-one"}
    await until(all_run)
    await client.get_workflow_handle("planning/ENDLESS/0").terminate("by somebody")
    await until(all_run)
    keeping.cancel()
