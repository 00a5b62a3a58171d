"""A capturing gateway and the systems, fresh for every test."""

from collections.abc import AsyncIterator

import pytest

from tests.simulators.network import Gateway, Systems, capturing, systems


@pytest.fixture
async def gateway() -> AsyncIterator[Gateway]:
    """A gateway that captures every webhook."""
    async with capturing() as capture:
        yield capture


@pytest.fixture
async def sims(gateway: Gateway) -> AsyncIterator[Systems]:
    """The systems, telling that gateway."""
    async with systems(gateway.url) as started:
        yield started
