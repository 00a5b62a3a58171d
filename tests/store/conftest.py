"""A pool on a fresh database."""

from collections.abc import AsyncIterator

import pytest_asyncio

from store.engine import Database
from tests.seals import SEALS


@pytest_asyncio.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """The pool."""
    async with Database(database_url, 4, SEALS) as pool:
        yield pool
