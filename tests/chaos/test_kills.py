"""Processes die by kill -9 while orders flow: every order still ends, nothing is lost, nothing is done twice.

A few deaths in every run of the suite; with SYNCLINE_CHAOS=full (`make chaos`) more orders and more deaths.
"""

import asyncio
import os
import signal
from dataclasses import dataclass
from random import Random

import pytest

from demo.report import sound
from demo.run import Plan, Progress, run
from simulators.driver import Driver, Targets
from simulators.happened import expectations
from simulators.orders import generate
from stack.layout import LocalStack, StackOptions, local_stack
from tests.integration.books import compare, compare_lists
from tests.integration.counts import instructed, milestones_for_the_erp


@dataclass(frozen=True)
class Storm:
    """How many orders flow, and how often each process dies meanwhile."""

    orders: int
    worker: int
    temporal: int


FULL = os.environ.get("SYNCLINE_CHAOS") == "full"
STORM = Storm(200, 5, 2) if FULL else Storm(40, 2, 1)
SEED = int(os.environ.get("SYNCLINE_CHAOS_SEED", "") or Random().randrange(1_000_000))
AGAIN = f"SYNCLINE_CHAOS={'full' if FULL else ''} SYNCLINE_CHAOS_SEED={SEED} pytest -m chaos"


async def kill(stack: LocalStack, progress: Progress, chance: Random) -> None:
    """Kill at random moments of the run, told by how many messages have been accepted, each process when it is up."""
    victims = ["worker"] * STORM.worker + ["temporal"] * STORM.temporal
    chance.shuffle(victims)
    moments = sorted(chance.uniform(0.3, 5.5) * STORM.orders for _ in victims)
    for victim, moment in zip(victims, moments, strict=True):
        while (progress.figures or {}).get("messages", 0) < moment or not stack.is_ready(victim):
            await asyncio.sleep(0.02)
        await asyncio.sleep(chance.uniform(0.0, 0.5))
        os.kill(stack.pid(victim), signal.SIGKILL)
        while stack.is_ready(victim):
            await asyncio.sleep(0.01)
    while not all(stack.is_ready(name) for name in ("worker", "temporal")):
        await asyncio.sleep(0.02)


@pytest.mark.chaos
async def test_the_same_end_whatever_dies() -> None:
    print(f"to repeat: {AGAIN}")
    orders = generate(STORM.orders, SEED)
    progress = Progress()
    async with local_stack(StackOptions(ephemeral=True, durable=False, seed=SEED)) as stack:
        killing = asyncio.create_task(kill(stack, progress, Random(SEED)))
        found = await run(stack, Plan(orders, faults="light", seed=SEED), progress, lambda: None)
        token = stack.env["SYNCLINE_SIM_TOKEN"]
        async with Driver(Targets(stack.urls.gateway, "", stack.urls.sims, token)) as driver:
            books = await driver.books()
        assert killing.done(), f"the storm outlasted the orders; {AGAIN}"
        await killing
        await compare(stack)
        await compare_lists(stack)
    assert sound(found) == [], AGAIN
    assert found["orders"]["delivered"] == STORM.orders, AGAIN
    told = [(e.shipment, e.milestone) for e in books["erp"].entries if e.operation == "report_milestone"]
    assert sorted(told) == sorted(milestones_for_the_erp(orders, SEED)), AGAIN
    assert found["effects"]["wms"]["found"] == instructed(orders), AGAIN
    assert found["effects"]["tms"]["found"] == STORM.orders, AGAIN
    expected = expectations(orders)
    assert (found["on_time"], found["late"]) == (expected.on_time_lines, expected.late_lines), AGAIN
    assert found["restarts"] == {"worker": STORM.worker, "temporal": STORM.temporal}, AGAIN
