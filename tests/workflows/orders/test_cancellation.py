"""Cancellation at every state: undone in reverse, goods under way brought back, confirmed last."""

import asyncio
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError

from schemas.base import Role, System, Variant
from schemas.cases.exceptions import Action
from schemas.messaging.effects import ChangeKind, Effect, Operation
from schemas.orders.milestones import MilestoneKind as M
from schemas.orders.milestones import ShippedLine
from schemas.orders.release import CancelRequest, OrderStatus
from schemas.workflows.commands import ActionRequest, CommandAnswer, Verb
from schemas.workflows.returns import ReturnState
from tests.domain.builders import FIRST, FULL, REST
from tests.stack.standins import until
from tests.workflows.world import Order, Trouble, World, centre_story, dead, drop_story

UNDONE = ["void_tender", "cancel_warehouse", "confirm_cancellation"]
WISH = CancelRequest(id="c1", reason="customer withdrew")


def refusing(operation: Operation) -> Trouble:
    """A system that refuses one operation by a rule of its own."""

    def refuse(effect: Effect, express: bool) -> bool:
        if effect.operation is operation:
            raise ApplicationError("the wave has been released", type=f"{effect.system}_api", non_retryable=True)
        return False

    return refuse


def act(action: Action, **fields: Any) -> ActionRequest:
    """What somebody in support has done about a case."""
    return ActionRequest(**{"id": f"x-{action}", "reason": "repaired", "action": action, **fields})


async def cancelled(order: Order) -> None:
    """The order ends cancelled, with nothing open."""
    assert await order.ended() is OrderStatus.CANCELLED
    assert order.done[-1] == "confirm_cancellation"
    last = order.steps[-1]
    assert (last.status, last.closed, last.reason) == (OrderStatus.CANCELLED, True, "customer withdrew")
    for number in (1, 2):
        line = order.line(number)
        assert line.shipped + line.cancelled == line.ordered, "nothing stays open"
    order.quantities_add_up()


async def test_what_was_done_is_undone_in_reverse_and_then_confirmed(world: World) -> None:
    order = await world.order()
    await order.owes_nothing()
    answer = await order.cancel()
    assert (answer.status, answer.done) == (OrderStatus.CANCELLED, "cancelled: customer withdrew")
    await cancelled(order)
    assert order.planned[2:] == UNDONE
    assert sorted(order.done[2:]) == sorted(UNDONE)
    assert order.outcome("cancel c1") == [None]
    assert order.steps[1].status is OrderStatus.CANCELLED
    assert order.steps[1].closed
    assert order.steps[1].demand == (), "nothing is wanted any more"


@pytest.mark.parametrize("reached", [1, 2])
async def test_what_was_picked_or_packed_is_put_away(world: World, reached: int) -> None:
    order = await world.order()
    await order.tell(*centre_story(order)[:reached])
    await order.owes_nothing()
    await order.cancel()
    await cancelled(order)
    assert sorted(order.done[2 + reached :]) == sorted(UNDONE)
    assert (order.line(1).picked, order.line(1).cancelled) == (40, 40)


async def test_a_tender_that_nobody_has_answered_is_void_too(world: World) -> None:
    order = world.unreleased()
    world.unnamed.add(order.key)
    await order.release()
    await order.owes_nothing()
    await order.cancel()
    await cancelled(order)
    assert sorted(order.done[2:]) == sorted(UNDONE)


async def test_a_direct_drop_has_no_warehouse_to_tell(world: World) -> None:
    order = await world.order(variant=Variant.DIRECT_DROP)
    await order.cancel()
    await cancelled(order)
    assert order.done == ["tender_transport", "void_tender", "confirm_cancellation"]


async def test_what_other_sites_were_given_is_undone_first(world: World) -> None:
    order = await world.order()
    for number, site in enumerate(("MAD", "BCN"), 1):
        part = (ShippedLine(line=2, quantity=10 * number),)
        await order.ask(Verb.ACT, act(Action.SPLIT, id=f"s{number}", site=site, lines=part))
    await order.owes_nothing()
    before = len(order.done)
    await order.cancel()
    await cancelled(order)
    parts = [f"{undone}/act/s{number}" for number in (1, 2) for undone in UNDONE[:2]]
    assert sorted(order.done[before:]) == sorted([*parts, *UNDONE])
    assert [effect.topic.site for effect in order.carried(Operation.CANCEL_WAREHOUSE)] == ["BCN", "MAD", ""], (
        "last first"
    )


async def test_who_may(world: World) -> None:
    order = await world.order()
    for role in (Role.WMS, Role.TMS, Role.CARRIER, Role.SUPPLIER, Role.PLANNING):
        wish = WISH.model_copy(update={"id": f"by-{role}"})
        assert "cancel is for admin, erp, support" in await order.refused(Verb.CANCEL, wish, role)
    assert (await order.ask(Verb.CANCEL, WISH, Role.ERP)).status is OrderStatus.CANCELLED
    await cancelled(order)


# A system that is down, or says no


async def test_confirmed_only_when_everything_is_undone(world: World) -> None:
    order = await world.order()
    await order.owes_nothing()
    world.trouble[order.key, System.WMS] = dead
    await order.cancel()
    await until(lambda: "void_tender" in order.done)
    await until(lambda: len([e for e, _ in world.attempts[order.key] if e.operation == "cancel_warehouse"]) > 2)
    assert "confirm_cancellation" not in order.done, "the warehouse is still to be told"
    del world.trouble[order.key, System.WMS]
    await cancelled(order)
    assert order.done[2:] == UNDONE


async def test_all_systems_down_are_told_when_they_are_back(world: World) -> None:
    order = await world.order()
    await order.owes_nothing()
    for system in (System.WMS, System.TMS, System.ERP):
        world.trouble[order.key, system] = dead
    await order.cancel()
    await until(lambda: len([e for e, _ in world.attempts[order.key] if e.operation == "void_tender"]) > 2)
    assert len((await order.status()).owed) == 3
    for system in (System.ERP, System.TMS):
        del world.trouble[order.key, system]
    await until(lambda: "void_tender" in order.done)
    assert "confirm_cancellation" not in order.done
    del world.trouble[order.key, System.WMS]
    await cancelled(order)
    assert order.done[2:] == UNDONE


async def test_what_was_never_carried_out_is_still_undone_in_its_turn(world: World) -> None:
    order = world.unreleased()
    world.trouble[order.key, System.TMS] = dead
    await order.release()
    await order.cancel()
    del world.trouble[order.key, System.TMS]
    await cancelled(order)
    transport = [order.short(e) for e in world.done[order.key] if e.system is System.TMS]
    assert transport == ["tender_transport", "void_tender"]


@pytest.mark.parametrize("operation", [Operation.CANCEL_WAREHOUSE, Operation.VOID_TENDER])
async def test_a_compensation_that_is_refused_becomes_a_case_and_is_tried_again(
    world: World, operation: Operation
) -> None:
    order = await world.order()
    await order.owes_nothing()
    system = System.WMS if operation is Operation.CANCEL_WAREHOUSE else System.TMS
    world.trouble[order.key, system] = refusing(operation)
    await order.cancel()
    await until(lambda: "compensation" in order.open_cases)
    [case] = {record.id: record for record in world.cases[order.key]}.values()
    assert case.findings[0].summary == f"{system} refused {operation} ({system}_api)"
    assert case.queue, "somebody owns it"
    status = await order.status()
    assert status.owed == (f"{order.key}/confirm_cancellation",)
    assert "compensation" in status.conditions
    assert "confirm_cancellation" not in order.done, "not everything is undone"
    del world.trouble[order.key, system]
    answer = await order.ask(Verb.ACT, act(Action.RETRY, case=case.id))
    assert answer.done == "1 effect tried again"
    await cancelled(order)
    assert list(dict.fromkeys(order.done[2:]))[-2:] == [operation, "confirm_cancellation"]
    await until(lambda: not order.open_cases)


async def test_a_compensation_that_is_refused_again_stays_a_case(world: World) -> None:
    order = await world.order()
    await order.owes_nothing()
    world.trouble[order.key, System.WMS] = refusing(Operation.CANCEL_WAREHOUSE)
    await order.cancel()
    await until(lambda: "compensation" in order.open_cases)
    before = len(world.attempts[order.key])
    await order.ask(Verb.ACT, act(Action.RETRY))
    await until(lambda: len(world.attempts[order.key]) > before)
    await until(lambda: "compensation" in order.open_cases)
    assert (await order.status()).owed == (f"{order.key}/confirm_cancellation",)
    await order.ask(Verb.ACT, act(Action.WRITE_OFF))
    await cancelled(order)
    await until(lambda: not order.open_cases)


async def test_a_compensation_that_is_given_up_confirms(world: World) -> None:
    order = await world.order()
    await order.owes_nothing()
    world.trouble[order.key, System.WMS] = refusing(Operation.CANCEL_WAREHOUSE)
    await order.cancel()
    await until(lambda: "compensation" in order.open_cases)
    answer = await order.ask(Verb.ACT, act(Action.WRITE_OFF, case=f"{order.key}/compensation/1"))
    assert answer.done == "given up: cancel_warehouse"
    await cancelled(order)
    assert "cancel_warehouse" not in order.done
    await until(lambda: not order.open_cases)


async def test_a_refusal_that_nobody_looked_at_does_not_hide_a_later_one(jumping: World) -> None:
    order = jumping.unreleased(clock="wall")
    jumping.trouble[order.key, System.ERP] = refusing(Operation.REPORT_MILESTONE)
    await order.start_with(centre_story(order)[0])
    await until(lambda: any("refused_effect" in step.conditions for step in order.steps))
    jumping.trouble[order.key, System.WMS] = refusing(Operation.CANCEL_WAREHOUSE)
    awaited = "deadline passed: no somebody to look at what was refused"
    await until(lambda: _noted(order, awaited, 1))
    await order.cancel()
    await until(lambda: _noted(order, awaited, 2))
    assert "confirm_cancellation" not in order.done, "what was not undone is not confirmed, however long it takes"
    await order.ask(Verb.ACT, act(Action.WRITE_OFF))
    await cancelled(order)


async def _noted(order: Order, entry: str, times: int) -> bool:
    return list(await order.handle.query("timeline")).count(entry) == times


# Goods that have left


async def test_goods_that_have_left_are_intercepted_brought_back_and_then_cancelled(world: World) -> None:
    order = await world.order()
    await order.tell(*centre_story(order)[:4])
    await order.owes_nothing()
    before = len(order.done)
    answer = await order.cancel()
    assert "bring the goods back" in answer.done
    assert (answer.status, answer.conditions) == (OrderStatus.IN_TRANSIT, ("cancelling",))
    await order.owes_nothing()
    assert sorted(order.done[before:]) == ["DN-1/intercept", "cancel_warehouse/LYS", "change/intercepted/cancel/c1"]
    assert [e.topic.shipment for e in order.carried(Operation.INTERCEPT_SHIPMENT)] == ["DN-1"]
    await order.tell(order.event(M.RETURNING, 5))
    await until(lambda: bool(world.returns[order.key]))
    assert world.returns[order.key][0].sender
    assert "confirm_cancellation" not in order.done, "the goods are not back yet"
    await order.come_back("DN-1", *FULL)
    await cancelled(order)
    assert world.returns[order.key][-1].state is ReturnState.CREDITED
    assert (order.line(1).returned, order.line(2).returned) == (40, 60)
    assert Operation.EXPECT_RETURN in {e.operation for e in world.done[order.key]}
    assert Operation.COLLECT_RETURN not in {e.operation for e in world.done[order.key]}, "nobody has to fetch it"


async def test_what_has_left_is_brought_back_and_the_rest_stays(world: World) -> None:
    order = await world.order()
    await order.tell(*(order.event(kind, n, lines=FIRST) for n, kind in enumerate((M.PICKED, M.PACKED, M.SHIPPED), 1)))
    await order.cancel()
    await order.tell(order.event(M.RETURNING, 5))
    await order.come_back("DN-1", *FIRST)
    await cancelled(order)
    assert (order.line(2).shipped, order.line(2).returned, order.line(2).cancelled) == (10, 10, 50)
    assert [step.demand for step in order.steps if step.demand is not None][-1] == ()


async def test_a_shipment_that_leaves_after_the_cancellation_is_intercepted_as_well(world: World) -> None:
    order = await world.order()
    await order.tell(*(order.event(kind, n, lines=FIRST) for n, kind in enumerate((M.PICKED, M.PACKED, M.SHIPPED), 1)))
    await order.cancel()
    await order.tell(order.event(M.SHIPPED, 4, shipment="DN-2", lines=REST))
    await order.owes_nothing()
    assert [e.topic.shipment for e in order.carried(Operation.INTERCEPT_SHIPMENT)] == ["DN-1", "DN-2"]
    await order.tell(order.event(M.RETURNING, 5), order.event(M.RETURNING, 6, shipment="DN-2"))
    await order.come_back("DN-1", *FIRST)
    assert (await order.status()).status is not OrderStatus.CANCELLED
    await order.come_back("DN-2", *REST)
    await cancelled(order)


async def test_a_direct_drop_is_intercepted_by_its_carrier(world: World) -> None:
    order = await world.order(variant=Variant.DIRECT_DROP)
    await order.tell(*drop_story(order)[:2])
    await order.cancel()
    await order.tell(order.event(M.RETURNING, 5))
    await order.come_back("DN-1", *FULL)
    await cancelled(order)
    assert order.carried(Operation.CANCEL_WAREHOUSE) == []


async def test_goods_that_are_delivered_all_the_same_are_a_case(world: World) -> None:
    order = await world.order()
    await order.tell(*centre_story(order)[:4])
    await order.cancel()
    await order.tell(*centre_story(order)[4:])
    assert await order.ended() is OrderStatus.CLOSED, "not cancelled: the customer has the goods"
    assert "confirm_cancellation" not in order.done
    await until(lambda: bool(world.cases[order.key]))
    assert {record.kind for record in world.cases[order.key]} == {"compensation"}


async def test_an_interception_that_is_refused_becomes_a_case(world: World) -> None:
    order = await world.order()
    await order.tell(*centre_story(order)[:4])
    world.trouble[order.key, System.TMS] = refusing(Operation.INTERCEPT_SHIPMENT)
    await order.cancel()
    await until(lambda: "compensation" in order.open_cases)
    del world.trouble[order.key, System.TMS]
    await order.ask(Verb.ACT, act(Action.RETRY))
    await order.owes_nothing()
    assert "DN-1/intercept" in order.done
    await order.tell(order.event(M.RETURNING, 5))
    await order.come_back("DN-1", *FULL)
    await cancelled(order)


# Too late, or too often


async def test_refused_when_goods_were_delivered_with_the_way_to_a_return(world: World) -> None:
    order = await world.order()
    first = tuple(order.event(kind, n, lines=FIRST) for n, kind in enumerate((M.PICKED, M.PACKED, M.SHIPPED), 1))
    await order.tell(*first, order.event(M.DELIVERED, 6))
    await order.owes_nothing()
    said = await order.refused(Verb.CANCEL, WISH)
    assert said.startswith("goods of the order were delivered: authorise a return (POST /v1/orders/")
    assert not [effect for step in order.steps for effect in step.effects if "cancel" in effect.key]
    await order.handle.terminate()


async def test_a_shipment_that_leaves_at_the_same_moment_is_undone_or_brought_back(world: World) -> None:
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
    answer: CommandAnswer = await asking
    assert answer.status in (OrderStatus.CANCELLED, OrderStatus.SHIPPED, OrderStatus.PICKED)
    if answer.status is not OrderStatus.CANCELLED:
        await order.tell(order.event(M.RETURNING, 5))
        await order.come_back("DN-1", *FULL)
    await cancelled(order)


async def test_milestones_and_requests_after_a_cancellation_are_superseded(world: World) -> None:
    order = await world.order()
    await order.owes_nothing()
    world.trouble[order.key, System.TMS] = dead
    await order.cancel()
    assert (await order.cancel()).done == "cancelled: customer withdrew", "a repeat is answered the same"
    await order.tell(order.event(M.PICKED, 1))
    assert order.outcome("src#DN-1.picked") == ["the order was cancelled: customer withdrew"]
    again = CancelRequest(id="c2", reason="changed his mind")
    assert await order.refused(Verb.CANCEL, again) == "the order is already cancelled: customer withdrew"
    del world.trouble[order.key, System.TMS]
    await cancelled(order)
    assert "DN-1/picked" not in order.planned
    assert order.outcome("cancel c1") == [None]


async def test_a_cancellation_under_way_is_not_asked_for_twice(world: World) -> None:
    order = await world.order()
    await order.tell(*centre_story(order)[:3])
    await order.cancel()
    again = CancelRequest(id="c2", reason="changed his mind")
    said = await order.refused(Verb.CANCEL, again)
    assert said == "the order is being cancelled: its goods are on their way back"
    await order.owes_nothing()
    assert [e.topic.change for e in order.carried(Operation.REPORT_CHANGE)] == [ChangeKind.INTERCEPTED]
    await order.handle.terminate()
