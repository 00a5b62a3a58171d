"""Scenarios while every sixth workflow task is lost; all of them under `make chaos`."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random

import pytest

from demo.play import play
from demo.report import sound
from stack.layout import StackOptions, local_stack
from tests.faults.chances import Fault
from tests.faults.temporal_proxy import TaskFaults, task_faults
from tests.integration.books import compare, compare_lists

RATE = 0.15
SEED = int(os.environ.get("SYNCLINE_CHAOS_SEED", "") or Random().randrange(1_000_000))
MIX = {Fault.FAILED: 0.95, Fault.FORGOTTEN: 0.05}
"""Without those that wait for a time-out of ten seconds: `make chaos` has them."""
SOME = ("amend", "hold-resume", "cancel-under-way", "several-shipments", "customer-return", "purchase-order")
AGAIN = f"SYNCLINE_CHAOS_SEED={SEED} pytest tests/heart/test_scenarios.py"


@pytest.mark.chaos
async def test_scenarios_go_as_they_should_while_tasks_are_lost() -> None:
    proxies: list[TaskFaults] = []

    @asynccontextmanager
    async def stand(listen: str, target: str) -> AsyncIterator[TaskFaults]:
        async with task_faults(target, listen=listen, seed=SEED, rate=RATE, mix=MIX) as proxy:
            proxies.append(proxy)
            yield proxy

    print(f"to repeat: {AGAIN}")
    async with local_stack(StackOptions(ephemeral=True, durable=False, seed=SEED, detour=stand)) as stack:
        report = await play(stack, SOME, "light", lambda n: None, lambda played: None)
        assert sound(report) == [], AGAIN
        assert report["unfinished"] == {"effects": 0, "steps": 0, "verdicts": 0}
        await compare(stack)
        await compare_lists(stack)
    [proxy] = proxies
    assert proxy.lost[Fault.FAILED] > 3, (proxy.lost, proxy.completions, AGAIN)
