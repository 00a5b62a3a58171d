"""Processes die by kill -9 while orders flow: every order still ends, nothing is lost, nothing is done twice.

Gateway, worker, Temporal and PostgreSQL, which waits for the disk as it does in production. One death of each in every
run of the suite; with SYNCLINE_CHAOS=full (`make chaos`) more orders and more deaths.
"""

import asyncio
import os
import signal
from dataclasses import dataclass
from random import Random

import pytest

from demo.report import sound
from demo.run import RunPlan, RunProgress, run
from simulators.driver import Driver, Targets
from simulators.orders.made_up import generate
from simulators.world.happened import expectations
from stack.layout import LocalStack, StackOptions, local_stack
from tests.faults.losing import detour
from tests.integration.books import compare, compare_lists
from tests.integration.counts import instructed, milestones_for_the_erp


@dataclass(frozen=True)
class Storm:
    """How many orders flow, and how often each process dies meanwhile."""

    orders: int
    deaths: dict[str, int]


FULL = os.environ.get("SYNCLINE_CHAOS") == "full"
EACH_ONCE = dict.fromkeys(("gateway", "worker", "temporal", "postgres"), 1)
STORM = Storm(200, {"gateway": 3, "worker": 5, "temporal": 2, "postgres": 3}) if FULL else Storm(25, EACH_ONCE)
SEED = int(os.environ.get("SYNCLINE_CHAOS_SEED", "") or Random().randrange(1_000_000))
AGAIN = f"SYNCLINE_CHAOS={'full' if FULL else ''} SYNCLINE_CHAOS_SEED={SEED} pytest -m chaos"


async def kill(stack: LocalStack, progress: RunProgress, chance: Random) -> None:
    """Kill at random moments of the run, told by how many messages have been accepted, each process when it is up."""
    victims = [name for name, times in STORM.deaths.items() for _ in range(times)]
    chance.shuffle(victims)
    moments = sorted(chance.uniform(0.3, 5.5) * STORM.orders for _ in victims)
    for victim, moment in zip(victims, moments, strict=True):
        while (progress.figures or {}).get("messages", 0) < moment or not stack.is_ready(victim):
            await asyncio.sleep(0.02)
        await asyncio.sleep(chance.uniform(0.0, 0.5))
        await die(stack, victim)
    await everybody_is_up(stack)


async def die(stack: LocalStack, victim: str) -> None:
    """A process dies by kill -9, and that is seen."""
    os.kill(stack.pid(victim), signal.SIGKILL)
    while stack.is_ready(victim):
        await asyncio.sleep(0.01)


async def everybody_is_up(stack: LocalStack) -> None:
    """Wait until whoever can die is ready."""
    while not all(stack.is_ready(name) for name in STORM.deaths):
        await asyncio.sleep(0.02)


@pytest.mark.chaos
async def test_the_same_end_whatever_dies() -> None:
    print(f"to repeat: {AGAIN}")
    orders = generate(STORM.orders, SEED)
    progress = RunProgress()
    async with local_stack(StackOptions(ephemeral=True, seed=SEED, detour=detour())) as stack:
        killing = asyncio.create_task(kill(stack, progress, Random(SEED)))
        found = await run(stack, RunPlan(orders, faults="light", seed=SEED), progress, lambda: None)
        token = stack.env["SYNCLINE_SIM_TOKEN"]
        async with Driver(Targets(stack.urls.gateway, "", stack.urls.sims, token)) as driver:
            books = await driver.books()
        assert killing.done(), f"the storm outlasted the orders; {AGAIN}"
        await killing
        restarts = dict(stack.restarts)
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
    assert all(restarts[name] >= times for name, times in STORM.deaths.items()), (restarts, AGAIN)
