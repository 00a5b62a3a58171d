"""Cancellation: undone in reverse, confirmed last, refused when the goods have left."""

import asyncio

import pytest
from temporalio.client import WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError

from schemas.base import System
from schemas.milestones import MilestoneKind as M
from schemas.orders import CancelAnswer, OrderStatus
from tests.stack.standins import until
from tests.workflow.world import Order, World, centre_story, dead


async def refusal(order: Order) -> str:
    """Why a cancellation is refused."""
    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await order.cancel()
    assert isinstance(refused.value.cause, ApplicationError)
    assert refused.value.cause.type == "refused"
    return refused.value.cause.message


async def test_what_was_done_is_undone_in_reverse_and_then_confirmed(world: World) -> None:
    order = await world.order()
    await order.owes_nothing()
    answer = await order.cancel()
    assert (answer.status, answer.reason) == (OrderStatus.CANCELLED, "customer withdrew")
    assert (await order.handle.result()).status is OrderStatus.CANCELLED
    assert order.planned[2:] == ["void_tender", "cancel_warehouse", "confirm_cancellation"]
    assert sorted(order.done[2:]) == sorted(order.planned[2:])
    assert order.outcome("cancel c1") == [None]
    assert order.steps[1].status is OrderStatus.CANCELLED
    assert order.steps[1].closed
    assert [d.kind for d in order.steps[1].deltas] == ["cancelled"]


async def test_confirmed_only_when_everything_is_undone(world: World) -> None:
    order = await world.order()
    await order.owes_nothing()
    world.trouble[order.key, System.WMS] = dead
    await order.cancel()
    await until(lambda: "void_tender" in order.done)
    await until(lambda: len([e for e, _ in world.attempts[order.key] if e.operation == "cancel_warehouse"]) > 2)
    assert "confirm_cancellation" not in order.done, "the warehouse is still to be told"
    del world.trouble[order.key, System.WMS]
    await order.handle.result()
    assert order.done[2:] == ["void_tender", "cancel_warehouse", "confirm_cancellation"]


async def test_refused_after_goods_issue_without_a_trace(world: World) -> None:
    order = await world.order()
    await order.tell(*centre_story(order)[:3])
    await order.owes_nothing()
    before = (await order.handle.describe()).history_length
    assert "can only be returned" in await refusal(order)
    assert (await order.handle.describe()).history_length == before
    await order.tell(*centre_story(order)[3:])
    assert (await order.handle.result()).status is OrderStatus.CLOSED


async def test_refused_when_a_shipment_leaves_at_the_same_moment(world: World) -> None:
    order = await world.order()
    await order.owes_nothing()
    writing, go_on = asyncio.Event(), asyncio.Event()

    async def hold(record: object) -> None:
        writing.set()
        await go_on.wait()

    world.holding[order.key] = hold
    await order.handle.signal("milestones", list(centre_story(order)[:1]))
    await writing.wait()
    asking = asyncio.create_task(order.cancel())
    shipped = list(centre_story(order)[1:3])
    await order.handle.signal("milestones", shipped)
    del world.holding[order.key]
    go_on.set()
    try:
        answer: CancelAnswer | None = await asking
    except WorkflowUpdateFailedError:
        answer = None
    ended = (await order.status()).status if answer is None else answer.status
    assert (answer is None) == (ended is not OrderStatus.CANCELLED), "the answer tells what became of the order"
    await order.handle.terminate()


async def test_milestones_after_a_cancellation_are_superseded(world: World) -> None:
    order = await world.order()
    await order.owes_nothing()
    world.trouble[order.key, System.TMS] = dead
    await order.cancel()
    await order.tell(order.event(M.PICKED, 1))
    assert order.outcome("src#DN-1.picked") == ["the order was cancelled: customer withdrew"]
    assert "the order is already cancelled" in await refusal(order)
    del world.trouble[order.key, System.TMS]
    assert (await order.handle.result()).status is OrderStatus.CANCELLED
    assert "DN-1/picked" not in order.planned
