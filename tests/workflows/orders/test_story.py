"""The story of an order on a real Temporal server: what it tells whom, what it costs, what it answers."""

from datetime import datetime, timedelta

import pytest
from temporalio.exceptions import WorkflowAlreadyStartedError

from schemas.base import Variant
from schemas.orders.milestones import MilestoneKind as M
from schemas.orders.release import OrderStatus
from stack.cost import measure
from tests.domain.builders import FIRST, FULL, REST
from tests.workflows.world import CARRIER, World, centre_story, drop_story
from workflows.orders.order import OrderWorkflow

PROMISED_AT, ETA = "PromisedAt", "Eta"


async def test_the_plain_story(world: World) -> None:
    order = await world.order()
    await order.release()
    await order.owes_nothing()
    for event in centre_story(order):
        await order.tell(event)
        await order.owes_nothing() if event.kind is not M.DELIVERED else None
    outcome = await order.handle.result()
    assert outcome.status is OrderStatus.CLOSED
    assert outcome.shipments == 1
    told = [f"DN-1/{kind}" for kind in (M.PICKED, M.PACKED, M.SHIPPED, M.DELIVERED)]
    assert sorted(order.done[:2]) == ["instruct_warehouse", "tender_transport"]
    assert order.done[2:] == told
    assert order.planned == ["instruct_warehouse", "tender_transport", *told]
    assert [d.kind for s in order.steps for d in s.deltas] == [e.kind for e in centre_story(order)]
    first, *between, last = [[x.packs for x in s.demand] for s in order.steps if s.demand is not None]
    assert (first, last) == ([40, 60], []), "planning is told what is open, and at the end that nothing is"
    assert all(packs == [40, 60] for packs in between if packs)
    assert [s.status for s in order.steps][-1] is OrderStatus.CLOSED
    assert order.steps[-1].closed
    assert order.steps[-1].carrier == CARRIER
    assert all(express for _, express in world.attempts[order.key]), "nothing took the queue"
    cost = await measure(world.client, order.start.workflow_id)
    if not world.lossy:  # a lost task leaves events of its own
        assert cost.events <= 48
        assert cost.actions <= 18
        assert cost.size_bytes <= 15_000


async def test_a_direct_drop_is_not_instructed_to_a_warehouse(world: World) -> None:
    order = await world.order(variant=Variant.DIRECT_DROP)
    await order.tell(*drop_story(order))
    assert (await order.handle.result()).status is OrderStatus.CLOSED
    assert order.done == ["tender_transport", "DN-1/shipped", "DN-1/delivered"]


async def test_a_split_order_ends_when_its_last_shipment_is_delivered(world: World) -> None:
    order = await world.order(variant=Variant.DIRECT_DROP)
    await order.tell(order.event(M.SHIPPED, 3, lines=FIRST), order.event(M.DELIVERED, 7))
    assert (await order.status()).status is OrderStatus.PROMISED
    await order.tell(order.event(M.SHIPPED, 4, shipment="DN-2", lines=REST))
    await order.tell(order.event(M.DELIVERED, 9, shipment="DN-2"))
    outcome = await order.handle.result()
    assert (outcome.status, outcome.shipments) == (OrderStatus.CLOSED, 2)
    assert sorted(order.done[1:]) == ["DN-1/delivered", "DN-1/shipped", "DN-2/delivered", "DN-2/shipped"]


async def test_events_in_any_order_and_any_number_tell_each_system_once(world: World) -> None:
    order = await world.order()
    story = centre_story(order)
    await order.handle.signal(OrderWorkflow.milestones, [*reversed(story[:5]), *story[:3]])
    await order.tell(story[5], story[5])
    assert (await order.handle.result()).status is OrderStatus.CLOSED
    assert sorted(order.done[2:]) == sorted(f"DN-1/{kind}" for kind in (M.PICKED, M.PACKED, M.SHIPPED, M.DELIVERED))
    assert all(order.outcome(event.id) == [None] for event in story), "each was taken in once"


async def test_a_release_that_is_handed_over_again_finds_the_order_that_runs(world: World) -> None:
    order = await world.order()
    before = (await order.handle.describe()).run_id
    await order.release()
    assert (await order.handle.describe()).run_id == before
    assert len(order.steps) == 1
    await order.handle.terminate()


async def test_an_order_that_has_ended_is_not_released_again(world: World) -> None:
    order = await world.order(variant=Variant.DIRECT_DROP)
    await order.tell(*drop_story(order))
    await order.handle.result()
    with pytest.raises(WorkflowAlreadyStartedError):
        await order.release()


async def test_a_late_eta_moves_the_promise_and_what_lists_are_made_of(world: World) -> None:
    order = await world.order(variant=Variant.DIRECT_DROP)
    first = order.start.promise.promised_on
    eta = order.began + timedelta(days=20)
    await order.tell(order.event(M.SHIPPED, 3, lines=FULL))
    await order.tell(order.event(M.DELAYED, 4, eta=eta))
    await order.owes_nothing()
    assert order.done[-1] == "redate/src#DN-1.delayed"
    [redate] = [e for e in world.done[order.key] if e.operation == "redate_promise"]
    assert redate.payload.promised_on == eta.date()
    assert [p.promised_on for p in redate.payload.promises] == [eta.date(), eta.date()]
    described = await order.handle.describe()
    seen = {pair.key.name: pair.value for pair in described.typed_search_attributes}
    assert seen["OrderStatus"] == "shipped"
    assert seen["ExceptionKinds"] == ["delayed"]
    assert seen["DelayMinutes"] > 9 * 24 * 60
    assert isinstance(seen[PROMISED_AT], datetime)
    assert seen[PROMISED_AT].date() == eta.date() > first
    assert seen[ETA].date() == eta.date()
    assert seen["Carrier"] == CARRIER
    await order.tell(order.event(M.IN_TRANSIT, 5), order.event(M.DELIVERED, 6))
    assert (await order.handle.result()).promised_on == eta.date()


async def test_support_reads_the_order_without_asking_a_developer(world: World) -> None:
    order = await world.order()
    await order.tell(centre_story(order)[0])
    await order.owes_nothing()
    described = await order.handle.query("__temporal_workflow_metadata")
    details = described["currentDetails"] if isinstance(described, dict) else described.current_details
    assert details.startswith("**picked** · promised ")
    assert "awaited: DN-1 delivered, DN-1 packed, DN-1 shipped" in details
    timeline = await order.handle.query(OrderWorkflow.timeline)
    assert timeline[0].startswith("promised ")
    assert timeline[-1].endswith("DN-1 picked (wms-lys)")
    status = await order.status()
    assert status.missing == ("DN-1 delivered", "DN-1 packed", "DN-1 shipped")
    await order.handle.terminate()
