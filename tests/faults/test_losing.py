"""The setting puts the proxy before a test's client, or before a whole stack, and nothing there without it."""

import asyncio

import pytest
from temporalio.client import Client

from tests.faults.conftest import Desk, Ledger
from tests.faults.losing import address_of, detour, losing
from tests.faults.temporal_proxy import TaskFaults
from tests.stack.standins import WITHIN_S

RATE = 0.15
"""As in runs with losses. A task lost five times in a row waits longer for its next attempt than a test does."""


async def test_without_a_rate_nothing_is_between(temporal_client: Client) -> None:
    assert detour(0.0) is None
    async with losing(temporal_client, 0.0) as client:
        assert client is temporal_client


async def test_with_a_rate_the_same_client_goes_through_the_proxy(
    temporal_client: Client, capsys: pytest.CaptureFixture[str]
) -> None:
    async with losing(temporal_client, RATE) as client:
        assert address_of(client) != address_of(temporal_client)
        assert client.data_converter is temporal_client.data_converter
        desk = Desk(None, client, "losing")  # type: ignore[arg-type]
        async with desk.worker(), asyncio.timeout(WITHIN_S):
            ledger = await desk.begin()
            await ledger.signal(Ledger.end)
            assert await ledger.result() == []
    assert f"to repeat: SYNCLINE_TASK_LOSS={RATE} SYNCLINE_CHAOS_SEED=" in capsys.readouterr().out


async def test_a_run_in_which_nothing_was_lost_is_an_error(temporal_client: Client) -> None:
    stand = detour(0.15)
    assert stand
    with pytest.raises(AssertionError, match="nothing was lost"):
        async with stand("127.0.0.1:0", address_of(temporal_client)) as proxy:
            assert isinstance(proxy, TaskFaults)
            proxy.completions = 100
