"""Workers that keep no workflow in memory: tests hold as with a cache, and every run replays, again and again.

The whole folder runs so with SYNCLINE_NO_CACHE=1, which `make chaos` does.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime

import pytest
import pytest_asyncio

from schemas.base import System
from schemas.cases.exceptions import OrderPolicy, Reaction
from schemas.messaging.effects import Effect
from schemas.orders.milestones import MilestoneKind as M
from schemas.orders.milestones import ShippedLine
from schemas.orders.release import OrderStatus
from schemas.workflows.commands import Amendment, LineAmendment, ReplanDecision, Verb, Verdict
from tests.replay.gate import check
from tests.stack.standins import until
from tests.workflows.conftest import server
from tests.workflows.orders import test_amending, test_cancellation, test_splits, test_story
from tests.workflows.workers import replay_all
from tests.workflows.world import WORKFLOWS, Order, World, centre_story, dead, world_on
from workflows.orders.order import OrderWorkflow

TIMES = 20
"""Replays of each history: what depends on a race shows in one of them."""
SHORT = (ShippedLine(line=2, quantity=15),)
HELD: tuple[Callable[[World], Awaitable[None]], ...] = (
    test_story.test_the_plain_story,
    test_story.test_events_in_any_order_and_any_number_tell_each_system_once,
    test_amending.test_more_and_less_go_to_every_system_as_what_is_wanted_now,
    test_amending.test_what_a_dead_warehouse_is_owed_of_amendments_comes_in_order,
    test_cancellation.test_what_was_done_is_undone_in_reverse_and_then_confirmed,
    test_cancellation.test_goods_that_have_left_are_intercepted_brought_back_and_then_cancelled,
    test_splits.test_two_shipments_in_any_order_and_the_last_delivery_ends_it,
    test_splits.test_another_site_sends_what_the_first_one_is_short_of,
)


@pytest_asyncio.fixture(scope="module")
async def uncached() -> AsyncIterator[World]:
    """A world whose workers keep nothing in memory; at its end every run is replayed."""
    async with server() as client, world_on(client, cached=0) as started:
        yield started


@pytest.mark.parametrize("test", HELD, ids=lambda test: test.__name__.removeprefix("test_"))
async def test_the_same_holds_without_a_cache(uncached: World, test: Callable[[World], Awaitable[None]]) -> None:
    began = datetime.now(UTC)
    await test(uncached)
    assert await replay_all(uncached.client, WORKFLOWS, began)


async def _replays(order: Order) -> None:
    """Its history replays, as often as it is tried."""
    history = await order.handle.fetch_history()
    for _ in range(TIMES):
        await check(history, WORKFLOWS)


async def test_a_planner_and_a_carrier_speak_while_the_erp_is_being_told(uncached: World) -> None:
    order = await uncached.order(policy=OrderPolicy(on_shortage=(Reaction.PLANNER,)))
    uncached.trouble[order.key, System.ERP] = dead
    await order.tell(order.event(M.SHORT_PICKED, 1, shipment="", lines=SHORT))
    await until(lambda: any(step.proposals for step in order.steps))
    await until(lambda: any(not express for _, express in uncached.attempts[order.key]))
    decision = ReplanDecision(id="d1", proposal=f"{order.key}/1", verdict=Verdict.ACCEPT, reason="fine")
    carrier = order.event(M.EXCEPTION, 2, name="carrier")
    story = centre_story(order)
    async with asyncio.TaskGroup() as at_once:
        at_once.create_task(order.handle.signal("replan", order.command(decision)))
        at_once.create_task(order.handle.signal(OrderWorkflow.milestones, [carrier, *story[:2]]))
        del uncached.trouble[order.key, System.ERP]
    await order.tell(carrier, *story)
    assert await order.ended() is OrderStatus.CLOSED
    await _replays(order)


class Reversed:
    """Lets effects on several systems end in the reverse of the order in which they began."""

    def __init__(self, many: int) -> None:
        self.many, self.begun, self.ended = many, list[str](), list[str]()

    async def __call__(self, effect: Effect) -> None:
        """Wait for the others, and for those that began later to end. One that comes again, as its task was lost, has
        its place already."""
        if effect.system not in self.begun:
            self.begun.append(effect.system)
        place = self.begun.index(effect.system)
        await until(lambda: len(self.begun) == self.many and len(self.ended) >= self.many - 1 - place)
        if effect.system not in self.ended:
            self.ended.append(effect.system)


@pytest.mark.parametrize("cached", [0, 1])
async def test_effects_that_end_in_reverse_and_a_worker_that_forgets_half_way(cached: int) -> None:
    """Five shipments; at each, the three systems are told at once. With one place in the cache, another order takes it
    half way."""
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(server())
        world = await stack.enter_async_context(world_on(client, cached=cached))
        order, other = await world.order(), world.unreleased()
        await order.owes_nothing()
        for number in range(1, 6):
            turn = world.carrying[order.key] = Reversed(3)
            line = LineAmendment(line=1, quantity=40 + number)
            wish = Amendment(id=f"a{number}", reason="customer called", lines=(line,))
            await order.ask(Verb.AMEND, wish)
            await order.owes_nothing()
            assert turn.ended == turn.begun[::-1]
            assert len(set(turn.ended)) == 3
            del world.carrying[order.key]
            if number == 3:
                await other.release()
                await other.owes_nothing()
            packs = (
                ShippedLine(line=1, quantity=9),
                ShippedLine(line=2, quantity=12),
            )
            kinds = (M.PICKED, M.PACKED, M.SHIPPED, M.DELIVERED)
            await order.tell(*(order.event(it, number, shipment=f"DN-{number}", lines=packs) for it in kinds))
            await order.owes_nothing()
        assert await order.ended() is OrderStatus.CLOSED
        await _replays(order)
        await other.handle.terminate()
