"""Continue-as-new: ids, promises and what is owed go along, and no message is lost on the way."""

import asyncio
from datetime import timedelta

from domain.orders import lifecycle
from domain.orders.order_run import OrderRun
from schemas.base import System, Variant
from schemas.orders.milestones import MilestoneKind as M
from schemas.orders.release import OrderStatus
from schemas.workflows.commands import CommandAnswer
from schemas.workflows.records import StepRecord
from tests.domain.builders import FULL
from tests.faults.losing import REPEATS
from tests.stack.standins import until
from tests.workflows.told import CommandRefused
from tests.workflows.world import Order, World, centre_story, dead, drop_story, refusing
from workflows.orders.order import OrderWorkflow

KINDS = (M.PICKED, M.PACKED, M.SHIPPED, M.DELIVERED)


async def runs(order: Order) -> list[OrderRun]:
    """What each of the order's runs was started with."""
    found = []
    async for execution in order.world.client.list_workflows(f"WorkflowId = '{order.start.workflow_id}'"):
        handle = order.world.client.get_workflow_handle(execution.id, run_id=execution.run_id)
        async for event in handle.fetch_history_events():
            payloads = event.workflow_execution_started_event_attributes.input.payloads
            found += await order.world.client.data_converter.decode(payloads, [OrderRun])
            break
    return found


async def test_an_order_of_many_runs_ends_as_one_of_one_run(restless: World) -> None:
    order = await restless.order()
    story = centre_story(order)
    for event in story:
        await order.tell(event)
    assert (await order.handle.result()).status is OrderStatus.CLOSED
    assert len(await runs(order)) > (1 if REPEATS else 2), "tasks that are repeated take in more at once"
    assert sorted(set(order.done[2:])) == sorted(f"DN-1/{kind}" for kind in KINDS)
    outcomes = {outcome for event in story for outcome in order.outcome(event.id)}
    assert outcomes == {None}, "a task that the server refused may write its step again, the same"
    assert [p.promised_on for p in [s.first_promise for s in order.steps] if p] == [order.start.promise.promised_on]


async def test_what_a_dead_system_is_owed_goes_along(restless: World) -> None:
    order = restless.unreleased()
    restless.trouble[order.key, System.ERP] = dead
    await order.release()
    for event in centre_story(order):
        await order.tell(event)
        await order.tell(event.model_copy(update={"id": f"{event.id}-again"}))
    assert len(await runs(order)) > 2
    assert sorted(order.done) == ["instruct_warehouse", "tender_transport"]
    assert [key.removeprefix(f"{order.key}/") for key in (await order.status()).owed] == [f"DN-1/{k}" for k in KINDS]
    del restless.trouble[order.key, System.ERP]
    assert (await order.handle.result()).status is OrderStatus.CLOSED
    told = [key for key in order.done if key.startswith("DN-1")]
    assert list(dict.fromkeys(told)) == [f"DN-1/{kind}" for kind in KINDS]


async def test_ids_seen_by_an_earlier_run_are_not_taken_in_again(restless: World) -> None:
    order = await restless.order(variant=Variant.DIRECT_DROP)
    shipped, moving, delivered = drop_story(order)
    late = order.event(M.DELAYED, 2, eta=order.began + timedelta(days=3))
    later = order.event(M.DELAYED, 2.5, name="later", eta=order.began + timedelta(days=3))
    for event in (late, later, shipped, moving):
        await order.tell(event)
    assert len(await runs(order)) > 1
    await order.handle.signal(OrderWorkflow.milestones, [shipped, late])
    await order.tell(delivered)
    await order.handle.result()
    last = order.steps[-1].version
    assert last == 1 + len({o.event_id for o in order.outcomes}) - 1, "one change for each event"


async def test_messages_that_arrive_while_a_run_ends_are_not_lost(restless: World) -> None:
    order = await restless.order(clock="events")
    writing, go_on = asyncio.Event(), asyncio.Event()

    async def hold(record: StepRecord) -> None:
        writing.set()
        await go_on.wait()

    exceptions = [order.event(M.EXCEPTION, n, name=f"x{n}") for n in range(24)]
    for number, event in enumerate(exceptions):
        if number == 5:
            restless.holding[order.key] = hold
        await order.handle.signal(OrderWorkflow.milestones, [event])
    await writing.wait()
    cancelling = asyncio.create_task(order.cancel())
    del restless.holding[order.key]
    go_on.set()
    answer: CommandAnswer = await cancelling
    assert answer.status is OrderStatus.CANCELLED
    assert (await order.handle.result()).status is OrderStatus.CANCELLED
    assert len(await runs(order)) > 1
    heard = [event for event in exceptions if order.outcome(event.id)]
    assert heard == exceptions
    assert set(order.planned) == set(order.done), "every effect that was planned was carried out"


async def test_what_support_sees_goes_along(restless: World) -> None:
    order = restless.unreleased(clock="events")
    restless.trouble[order.key, System.ERP] = refusing
    await order.release()
    await order.tell(order.event(M.PICKED, 1, lines=FULL))
    await until(lambda: len(restless.attempts[order.key]) >= 3)
    for number in range(4):
        await order.tell(order.event(M.IN_TRANSIT, 5 + number / 10, name=f"scan-{number}"))
        await order.owes_nothing()
    assert len(await runs(order)) > 1
    assert max(await runs(order), key=lambda run: len(run.seen)).failure_origin == "erp_rule"
    await order.tell(order.event(M.SHIPPED, 3))
    await order.owes_nothing()
    described = {p.key.name: p.value for p in (await order.handle.describe()).typed_search_attributes}
    assert described["OrderStatus"] == "in_transit"
    assert described["FailureOrigin"] == "erp_rule"
    try:
        await order.cancel()
    except CommandRefused:
        await order.handle.terminate()


async def test_the_first_step_of_a_new_run_is_indexed(world: World) -> None:
    order = world.unreleased(clock="events")
    state = lifecycle.open_order(order.start).state
    await world.client.start_workflow(
        OrderWorkflow.run,
        OrderRun(start=order.start, state=state),
        id=order.start.workflow_id,
        task_queue="orders",
    )
    await order.status()
    await order.tell(order.event(M.SHIPPED, 3, lines=FULL))
    await order.owes_nothing()
    described = {p.key.name: p.value for p in (await order.handle.describe()).typed_search_attributes}
    assert described["OrderStatus"] == "shipped"
    await order.handle.terminate()
