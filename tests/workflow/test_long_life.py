"""An order that hears ten thousand events: in many runs, each event taken in once, and nothing lost on the way."""

from collections import Counter
from collections.abc import AsyncIterator

import pytest_asyncio

from schemas.milestones import MilestoneKind as M
from schemas.orders import OrderStatus
from tests.stack.standins import until
from tests.workflow.conftest import server
from tests.workflow.test_continuing import runs
from tests.workflow.world import World, centre_story, world_on
from workflows.order import OrderWorkflow

EVENTS, IN_A_SIGNAL, IN_A_WAVE = 10_000, 50, 1_000
LARGEST_INPUT = 2 * 1024 * 1024
"""Bytes; Temporal refuses larger payloads, and a run that cannot start stops its order for good."""


@pytest_asyncio.fixture
async def busy_world() -> AsyncIterator[World]:
    """A server that suggests to continue as new after a few dozen events of history."""
    async with (
        server("limit.historyCount.suggestContinueAsNew=40") as client,
        world_on(client) as started,
    ):
        yield started


async def test_ten_thousand_events_are_taken_in_once_each(busy_world: World) -> None:
    order = await busy_world.order(clock="events")
    story = centre_story(order)
    await order.tell(*story[:4])
    scans = [order.event(M.IN_TRANSIT, 4 + n / 10_000, name=f"scan-{n:05}-{'x' * 100}") for n in range(EVENTS)]
    for wave in range(0, EVENTS, IN_A_WAVE):
        for at in range(wave, wave + IN_A_WAVE, IN_A_SIGNAL):
            again = scans[max(0, at - 7) : at]
            await order.handle.signal(OrderWorkflow.milestones, [*scans[at : at + IN_A_SIGNAL], *again])
        heard = wave + IN_A_WAVE + 5
        await until(lambda heard=heard: sum(len(step.outcomes) for step in order.steps) >= heard)
    await order.tell(*story[4:])
    assert (await order.handle.result()).status is OrderStatus.CLOSED
    said = {(o.event_id, o.superseded) for step in order.steps for o in step.outcomes}
    outcomes = Counter(event_id for event_id, _ in said)
    assert all(outcomes[scan.id] == 1 for scan in scans), "each was taken in, with one outcome"
    lived = await runs(order)
    last = max(lived, key=lambda run: len(run.seen))
    assert len(last.seen) == len(set(last.seen)) > EVENTS / 2
    assert len(lived) > 3
    assert max(len(run.model_dump_json(exclude_unset=True)) for run in lived) < LARGEST_INPUT / 2
    assert sorted(set(order.done[2:])) == sorted(f"DN-1/{k}" for k in (M.PICKED, M.PACKED, M.SHIPPED, M.DELIVERED))
