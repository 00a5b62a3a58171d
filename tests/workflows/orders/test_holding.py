"""Hold and resume: work stops in warehouse and transport, and goes on; what is reported meanwhile still counts."""

from domain.orders.order_run import OrderRun
from schemas.base import Role, System
from schemas.messaging.effects import ChangeKind
from schemas.orders.milestones import MilestoneKind as M
from schemas.orders.release import OrderStatus
from schemas.workflows.commands import HoldRequest, LineAmendment, ResumeRequest, Verb
from tests.stack.standins import until
from tests.workflows.orders.test_amending import wish
from tests.workflows.world import Order, World, centre_story, dead
from workflows.orders.order import OrderWorkflow

HOLD = HoldRequest(id="h1", reason="credit limit")
RESUME = ResumeRequest(id="r1", reason="paid")
HELD = ["hold_warehouse/LYS/hold/h1", "hold_transport/hold/h1", "change/held/hold/h1"]
RESUMED = ["resume_warehouse/LYS/resume/r1", "resume_transport/resume/r1", "change/resumed/resume/r1"]


def changes(order: Order) -> list[ChangeKind | None]:
    """Updates sent to the ERP beside the milestones."""
    return [effect.topic.change for effect in order.world.done[order.key] if effect.topic.change]


async def test_every_system_is_told_once_to_stop_and_once_to_go_on(world: World) -> None:
    order = await world.order()
    await order.owes_nothing()
    held = await order.ask(Verb.HOLD, HOLD)
    assert (held.done, held.conditions, held.status) == ("on hold", ("on_hold",), OrderStatus.PROMISED)
    assert (await order.ask(Verb.HOLD, HOLD)).done == "on hold", "a repeat is answered the same"
    await order.owes_nothing()
    assert sorted(order.done[2:]) == sorted(HELD)
    resumed = await order.ask(Verb.RESUME, RESUME)
    assert (resumed.done, resumed.conditions) == ("resumed", ())
    assert (await order.ask(Verb.RESUME, RESUME)).done == "resumed"
    await order.owes_nothing()
    assert order.planned[2:] == [*HELD, *RESUMED]
    assert sorted(order.done[2:]) == sorted([*HELD, *RESUMED])
    assert changes(order) == [ChangeKind.HELD, ChangeKind.RESUMED]
    assert [step.conditions for step in order.steps] == [(), ("on_hold",), ()]
    await order.tell(*centre_story(order))
    assert await order.ended() is OrderStatus.CLOSED


async def test_another_hold_after_a_resume_is_told_again(world: World) -> None:
    order = await world.order()
    await order.ask(Verb.HOLD, HOLD)
    await order.ask(Verb.RESUME, RESUME)
    await order.ask(Verb.HOLD, HoldRequest(id="h2", reason="sanctions list"))
    await order.owes_nothing()
    assert changes(order) == [ChangeKind.HELD, ChangeKind.RESUMED, ChangeKind.HELD]
    await order.handle.terminate()


async def test_refused_twice_or_without_a_hold(world: World) -> None:
    order = await world.order()
    await order.owes_nothing()
    assert await order.refused(Verb.RESUME, RESUME) == "the order is not on hold"
    await order.ask(Verb.HOLD, HOLD)
    await order.owes_nothing()
    told = changes(order)
    again = await order.refused(Verb.HOLD, HoldRequest(id="h2", reason="sanctions list"))
    assert again == "the order is on hold already: credit limit"
    assert changes(order) == told
    await order.handle.terminate()


async def test_refused_when_the_goods_have_left(world: World) -> None:
    order = await world.order()
    await order.tell(*centre_story(order)[:3])
    await order.owes_nothing()
    told = changes(order)
    said = await order.refused(Verb.HOLD, HOLD)
    assert said == "the order is shipped: cancel it to have the goods intercepted and brought back"
    assert changes(order) == told
    await order.handle.terminate()


async def test_who_may(world: World) -> None:
    order = await world.order()
    for role in (Role.WMS, Role.TMS, Role.CARRIER, Role.SUPPLIER):
        assert "hold is for admin, erp, planning, support" in await order.refused(Verb.HOLD, HOLD, role)
    assert (await order.ask(Verb.HOLD, HOLD, Role.PLANNING)).done == "on hold"
    assert "resume is for" in await order.refused(Verb.RESUME, RESUME, Role.CARRIER)
    assert (await order.ask(Verb.RESUME, RESUME, Role.ERP)).done == "resumed"
    await order.handle.terminate()


async def test_what_is_reported_during_a_hold_still_counts(world: World) -> None:
    order = await world.order()
    await order.ask(Verb.HOLD, HOLD)
    await order.tell(*centre_story(order)[:3])
    status = await order.status()
    assert (status.status, status.conditions) == (OrderStatus.SHIPPED, ("on_hold",))
    await order.ask(Verb.RESUME, RESUME)
    await order.tell(*centre_story(order)[3:])
    assert await order.ended() is OrderStatus.CLOSED
    assert [key for key in order.done if key.startswith("DN-1")] == [
        f"DN-1/{kind}" for kind in (M.PICKED, M.PACKED, M.SHIPPED, M.DELIVERED)
    ]


async def test_what_was_delivered_on_hold_is_closed(world: World) -> None:
    order = await world.order()
    await order.ask(Verb.HOLD, HOLD)
    await order.tell(*centre_story(order))
    assert await order.ended() is OrderStatus.CLOSED


async def test_an_order_on_hold_can_be_amended_and_cancelled(world: World) -> None:
    order = await world.order()
    await order.ask(Verb.HOLD, HOLD)
    amended = await order.ask(Verb.AMEND, wish(LineAmendment(line=1, quantity=50)))
    assert amended.conditions == ("on_hold",), "an edit does not resume it"
    cancelled = await order.cancel()
    assert cancelled.status is OrderStatus.CANCELLED
    assert await order.ended() is OrderStatus.CANCELLED
    assert order.done[-1] == "confirm_cancellation"


async def test_a_dead_warehouse_hears_hold_and_resume_in_order(world: World) -> None:
    order = await world.order()
    await order.owes_nothing()
    world.trouble[order.key, System.WMS] = dead
    await order.ask(Verb.HOLD, HOLD)
    await order.ask(Verb.RESUME, RESUME)
    await until(lambda: RESUMED[1] in order.done)
    assert not {HELD[0], RESUMED[0]} & {*order.done}
    del world.trouble[order.key, System.WMS]
    await order.owes_nothing()
    warehouse = [order.short(e) for e in world.done[order.key] if e.system is System.WMS]
    assert warehouse == ["instruct_warehouse", HELD[0], RESUMED[0]]
    await order.handle.terminate()


async def test_nothing_is_awaited_of_those_who_were_told_to_stop(world: World) -> None:
    order = world.unreleased()
    world.unnamed.add(order.key)
    await order.release()
    await order.owes_nothing()
    assert (await order.status()).awaited == "tender answer"
    await order.ask(Verb.HOLD, HOLD)
    assert (await order.status()).awaited == "delivery", "the promise to the customer stands"
    await order.ask(Verb.RESUME, RESUME)
    assert (await order.status()).awaited == "tender answer"
    await order.handle.terminate()


async def test_alarms_do_not_go_off_while_it_is_on_hold(jumping: World) -> None:
    order = jumping.unreleased()
    await jumping.client.start_workflow(
        OrderWorkflow.run,
        OrderRun(start=order.start),
        id=order.start.workflow_id,
        task_queue="orders",
        start_signal="hold",
        start_signal_args=[order.command(HOLD)],
    )
    await until(lambda: any("no_scan" in step.conditions for step in order.steps))
    assert await passed(order) == ["deadline passed: no delivery"]
    await order.ask(Verb.RESUME, RESUME)
    await until(lambda: len([step for step in order.steps if "no_scan" in step.conditions]) > 2)
    assert await passed(order) == [f"deadline passed: no {what}" for what in ("delivery", "pick", "pick-up")]
    await order.handle.terminate()


async def passed(order: Order) -> list[str]:
    """The deadlines that have passed, as its timeline has them."""
    return [entry for entry in await order.handle.query(OrderWorkflow.timeline) if entry.startswith("deadline passed")]


async def test_another_caller_cannot_use_the_same_id(world: World) -> None:
    order = await world.order()
    await order.ask(Verb.HOLD, HOLD)
    await order.ask(Verb.RESUME, RESUME)
    why = await order.refused(Verb.HOLD, HOLD, Role.ERP)
    assert why == "another hold was carried out under the id h1: send yours under an id of its own"
    assert (await order.ask(Verb.HOLD, HOLD.model_copy(update={"id": "h2"}), Role.ERP)).done == "on hold"
    await order.handle.terminate()
