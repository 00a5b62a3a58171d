"""Servers for tests: PostgreSQL and Temporal, started once per run, each test with a database of its own."""

import asyncio
from collections.abc import AsyncIterator
from itertools import count

import pytest
import pytest_asyncio
from temporalio.client import Client

from stack.layout import INFRASTRUCTURE, LocalStack, StackOptions, local_stack
from store.migrate import upgrade
from workflows.payloads import CONVERTER

TEMPLATE = "syncline_template"
LONGEST = ("integration", "chaos", "browser", "workflow", "promising", "cli")
"""Folders whose files take longest. They begin first, so that no core waits for one of them at the end."""
_numbers = count(1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Order the files for `--dist loadfile`; within a folder they stay as they are."""
    ranks = {folder: rank for rank, folder in enumerate(LONGEST)}
    items.sort(key=lambda item: ranks.get(item.path.parent.name, len(ranks)))


@pytest_asyncio.fixture(scope="session")
async def local_services() -> AsyncIterator[LocalStack]:
    """PostgreSQL, which never waits for the disk, and Temporal, in a temporary directory."""
    async with local_stack(StackOptions(ephemeral=True, durable=False, only=INFRASTRUCTURE)) as stack:
        yield stack


@pytest_asyncio.fixture(scope="session")
async def _template(local_services: LocalStack) -> str:
    """Name of a migrated database that nobody is connected to."""
    url = await local_services.postgres.create_database(TEMPLATE)
    await asyncio.to_thread(upgrade, url)
    return TEMPLATE


@pytest_asyncio.fixture
async def database_url(local_services: LocalStack, _template: str) -> AsyncIterator[str]:
    """A fresh, migrated database, dropped after the test."""
    name = f"test_{next(_numbers)}"
    yield await local_services.postgres.create_database(name, _template)
    await local_services.postgres.drop_database(name)


@pytest_asyncio.fixture(scope="session")
async def temporal_client(local_services: LocalStack) -> Client:
    """A client of the dev server, with the converter that the product uses."""
    return await Client.connect(local_services.settings.temporal_address, data_converter=CONVERTER)
