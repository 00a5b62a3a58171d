"""A gateway for each test."""

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.gateway.harness import Gateway, gateway_on


@pytest_asyncio.fixture
async def gateway(database_url: str) -> AsyncIterator[Gateway]:
    """A gateway with the usual settings on a fresh database."""
    async with gateway_on(database_url) as started:
        yield started
