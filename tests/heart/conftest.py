"""One stack for all the tests of this folder."""

import os
from collections.abc import AsyncIterator

import pytest_asyncio

from tests.heart.ground import Ground, open_ground

FULL = os.environ.get("SYNCLINE_CHAOS") == "full"


@pytest_asyncio.fixture(scope="package")
async def ground() -> AsyncIterator[Ground]:
    """The stack."""
    async with open_ground() as opened:
        yield opened
