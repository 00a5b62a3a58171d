"""An order that hears ten thousand events: in many runs, each event taken in once, and nothing lost on the way."""

from collections import Counter
from collections.abc import AsyncIterator

import pytest_asyncio

from schemas.orders.milestones import MilestoneKind as M
from schemas.orders.release import OrderStatus
from tests.stack.standins import until
from tests.workflows.conftest import server
from tests.workflows.orders.test_continuing import runs
from tests.workflows.world import Order, World, centre_story, world_on
from workflows.orders.order import OrderWorkflow

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


def decided(order: Order) -> Counter[str]:
    """How often each event was taken in. Each time has a version and a verdict of its own.

    A task that the server lost is done again, and writes the same once more: that is the same time.
    """
    return Counter(event_id for event_id, _, _ in {(o.event_id, o.version, o.superseded) for o in order.outcomes})


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
        await until(lambda heard=heard: len(order.outcomes) >= heard)
    await order.tell(*story[4:])
    assert (await order.handle.result()).status is OrderStatus.CLOSED
    taken = decided(order)
    assert {taken[it.id] for it in (*story, *scans)} == {1}, "each was taken in, in one place, with one outcome"
    assert taken.total() == 1 + len(story) + EVENTS, "beside the release, and nothing else"
    lived = await runs(order)
    last = max(lived, key=lambda run: len(run.seen))
    assert len(last.seen) == len(set(last.seen)) > EVENTS / 2
    assert len(lived) > 3
    assert max(len(run.model_dump_json(exclude_unset=True)) for run in lived) < LARGEST_INPUT / 2
    told = {(order.short(it), it.digest) for it in order.world.done[order.key][2:]}  # a call may be repeated as it was
    assert sorted(key for key, _ in told) == sorted(f"DN-1/{k}" for k in (M.PICKED, M.PACKED, M.SHIPPED, M.DELIVERED))
