"""Amendments: each system is told once what it is to have now; what cannot be is refused with what is possible."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from temporalio import activity
from temporalio.exceptions import ApplicationError

from schemas.base import Role, System
from schemas.messaging.effects import ChangeKind, Effect, LineTarget, Operation
from schemas.orders.milestones import MilestoneKind as M
from schemas.orders.milestones import ShippedLine
from schemas.orders.release import CancelRequest, OrderStatus
from schemas.workflows.commands import Amendment, LineAmendment, Verb
from schemas.workflows.records import StepRecord
from tests.domain.builders import FIRST
from tests.stack.standins import WITHIN_S, until
from tests.workflows.orders.test_continuing import runs
from tests.workflows.world import Order, World, centre_story, dead

AMENDS = (Operation.AMEND_WAREHOUSE, Operation.AMEND_TENDER)


def wish(*lines: LineAmendment, request: str = "a1", **fields: Any) -> Amendment:
    """An amendment of these lines."""
    return Amendment(id=request, reason="customer changed his mind", lines=lines, **fields)


async def told(order: Order) -> tuple[Effect[Any], Effect[Any], Effect[Any]]:
    """What warehouse, transport and ERP were told of its one amendment."""
    await order.owes_nothing()
    [warehouse], [transport] = (order.carried(operation) for operation in AMENDS)
    [change] = order.carried(Operation.REPORT_CHANGE)
    assert change.topic.change is ChangeKind.AMENDED
    return warehouse, transport, change


def demand(order: Order) -> dict[str, int]:
    """Packs of each item that planning is told are open."""
    *_, newest = (step.demand for step in order.steps if step.demand is not None)
    return {it.item: it.packs for it in newest}


async def test_more_and_less_go_to_every_system_as_what_is_wanted_now(world: World) -> None:
    order = await world.order()
    await order.owes_nothing()
    asked = wish(LineAmendment(line=1, quantity=50), LineAmendment(line=2, quantity=25))
    answer = await order.ask(Verb.AMEND, asked)
    assert answer.done == "amended: line 1 +10 A, line 2 -35 B"
    more, less = LineTarget(line=1, item="A", quantity=50), LineTarget(line=2, item="B", quantity=25)
    warehouse, transport, erp = await told(order)
    assert (warehouse.payload.targets, erp.payload.targets, transport.payload.packs) == ((more, less), (more, less), 75)
    assert order.planned[2:] == ["amend_warehouse/amend/a1", "amend_tender/amend/a1", "change/amended/amend/a1"]
    assert demand(order) == {"A": 50, "B": 25}
    step = order.steps[-1]
    assert (order.line(1).ordered, order.line(2).ordered) == (50, 25)
    [verdict] = [it for it in order.outcomes if it.event_id == "amend a1"]
    assert (verdict.inbox_id,) == step.amended_by, "the message whose amendment the store works into the release"
    left = (ShippedLine(line=1, quantity=50), ShippedLine(line=2, quantity=25))
    story = [event.model_copy(update={"lines": left if event.lines else ()}) for event in centre_story(order)]
    await order.tell(*story)
    assert await order.ended() is OrderStatus.CLOSED, "complete with the amended quantities"
    order.quantities_add_up()


async def test_a_new_day_is_promised_anew_and_nothing_else(world: World) -> None:
    order = await world.order()
    later = order.start.promise.promised_on + timedelta(days=5)
    answer = await order.ask(Verb.AMEND, wish(requested_on=later))
    assert answer.promised_on == later
    warehouse, transport, change = await told(order)
    assert {warehouse.payload.promised_on, transport.payload.promised_on, change.payload.promised_on} == {later}
    assert not (warehouse.payload.targets or transport.payload.packs)
    assert (warehouse.payload.address_from, transport.payload.address_from) == (None, None)
    [redate] = order.carried(Operation.REDATE_PROMISE)
    assert [(p.line, p.promised_on) for p in redate.payload.promises] == [(1, later), (2, later)]
    assert demand(order) == {"A": 40, "B": 60}
    assert "delayed" in answer.conditions
    await order.handle.terminate()


async def test_a_day_that_is_too_soon_becomes_the_earliest_possible(world: World) -> None:
    order = await world.order()
    today = datetime.now(UTC).date()
    answer = await order.ask(Verb.AMEND, wish(requested_on=today))
    assert answer.promised_on is not None
    assert today < answer.promised_on < order.start.promise.promised_on
    await order.handle.terminate()


async def test_the_day_of_one_line_leaves_the_other(world: World) -> None:
    order = await world.order()
    first = order.start.promise.promised_on
    later = first + timedelta(days=3)
    await order.ask(Verb.AMEND, wish(LineAmendment(line=2, requested_on=later)))
    assert (order.line(1).promised_on, order.line(2).promised_on) == (first, later)
    await order.owes_nothing()
    [redate] = order.carried(Operation.REDATE_PROMISE)
    assert [p.line for p in redate.payload.promises] == [2]
    await order.handle.terminate()


async def test_a_new_address_is_for_warehouse_and_transport(world: World) -> None:
    order = await world.order()
    answer = await order.ask(Verb.AMEND, wish(address=True))
    assert answer.done == "amended: new address"
    warehouse, transport, _ = await told(order)
    [message] = order.steps[-1].amended_by
    assert (warehouse.payload.address_from, transport.payload.address_from) == (message, message)
    assert not (
        warehouse.payload.targets
        or transport.payload.packs
        or warehouse.payload.promised_on
        or transport.payload.promised_on
    )
    assert demand(order) == {"A": 40, "B": 60}
    await order.handle.terminate()


async def test_an_added_line_is_awaited_like_the_others(world: World) -> None:
    order = await world.order()
    await order.ask(Verb.AMEND, wish(LineAmendment(line=3, quantity=5, item="C")))
    added = (LineTarget(line=3, item="C", quantity=5),)
    warehouse, transport, erp = await told(order)
    assert (warehouse.payload.targets, erp.payload.targets, transport.payload.packs) == (added, added, 105)
    await order.tell(*centre_story(order))
    assert (await order.status()).status is OrderStatus.PROMISED, "its third line has not left"
    more = (ShippedLine(line=3, quantity=5),)
    for kind, hours in ((M.PICKED, 7), (M.PACKED, 8), (M.SHIPPED, 9)):
        await order.tell(order.event(kind, hours, shipment="DN-2", lines=more))
    await order.tell(order.event(M.DELIVERED, 12, shipment="DN-2"))
    assert await order.ended() is OrderStatus.CLOSED
    assert (order.line(3).item, order.line(3).ordered, order.line(3).delivered) == ("C", 5, 5)
    order.quantities_add_up()


async def test_a_removed_line_is_no_longer_awaited(world: World) -> None:
    order = await world.order()
    await order.ask(Verb.AMEND, wish(LineAmendment(line=2, quantity=0)))
    none = (LineTarget(line=2, item="B", quantity=0),)
    warehouse, transport, erp = await told(order)
    assert (warehouse.payload.targets, erp.payload.targets, transport.payload.packs) == (none, none, 40)
    kept = (ShippedLine(line=1, quantity=40),)
    story = [event.model_copy(update={"lines": kept if event.lines else ()}) for event in centre_story(order)]
    await order.tell(*story)
    assert await order.ended() is OrderStatus.CLOSED
    order.quantities_add_up()


async def test_the_same_again_differs_in_nothing(world: World) -> None:
    order = await world.order()
    answer = await order.ask(Verb.AMEND, wish(LineAmendment(line=1, quantity=40)))
    assert answer.done == "amended: nothing differs"
    await order.owes_nothing()
    assert [order.carried(operation) for operation in AMENDS] == [[], []]
    await order.handle.terminate()


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        (wish(LineAmendment(line=1, quantity=5, item="C")), "line 1 is of another item: remove it and add a line"),
        (wish(LineAmendment(line=3, quantity=5)), "line 3 is not on the order: a new line needs item and quantity"),
        (
            wish(LineAmendment(line=1, quantity=0), LineAmendment(line=2, quantity=0)),
            "nothing would be left of the order: cancel it instead",
        ),
    ],
)
async def test_what_cannot_be_amended_is_refused_and_changes_nothing(world: World, asked: Amendment, why: str) -> None:
    order = await world.order()
    await order.owes_nothing()
    assert why in await order.refused(Verb.AMEND, asked)
    assert [(step.effects, step.lines, step.moves) for step in order.steps[1:]] == [((), (), {})], "only the verdict"
    await order.handle.terminate()


async def test_what_has_left_bounds_what_can_be_amended(world: World) -> None:
    order = await world.order()
    first = tuple(order.event(kind, n, lines=FIRST) for n, kind in enumerate((M.PICKED, M.PACKED, M.SHIPPED), 1))
    await order.tell(*first)
    await order.owes_nothing()
    less = await order.refused(Verb.AMEND, wish(LineAmendment(line=2, quantity=9), request="a8"))
    assert less == "line 2: 10 packs have left; it cannot be less than 10: authorise a return for the rest"
    assert "a shipment has left for the old address" in await order.refused(
        Verb.AMEND, wish(address=True, request="a9")
    )
    answer = await order.ask(Verb.AMEND, wish(LineAmendment(line=2, quantity=10)))
    assert answer.done == "amended: line 2 -50 B"
    assert (answer.status, order.line(2).ordered) == (OrderStatus.SHIPPED, 10), "nothing is open any more"
    late = await order.refused(Verb.AMEND, wish(LineAmendment(line=1, quantity=50), request="a2"))
    assert late == "the order is shipped: release a new order for more, or authorise a return for less"
    await order.tell(order.event(M.DELIVERED, 6))
    assert await order.ended() is OrderStatus.CLOSED
    order.quantities_add_up()


@pytest.mark.parametrize("role", [Role.WMS, Role.TMS, Role.CARRIER, Role.SUPPLIER, Role.PLANNING])
async def test_who_may_not(world: World, role: Role) -> None:
    order = await world.order()
    asked = wish(LineAmendment(line=1, quantity=50))
    said = await order.refused(Verb.AMEND, asked, role)
    assert said == f"amend is for admin, erp, support; it was asked by {role}"
    await order.handle.terminate()


@pytest.mark.parametrize("role", [Role.ERP, Role.ADMIN])
async def test_who_may(world: World, role: Role) -> None:
    order = await world.order()
    answer = await order.ask(Verb.AMEND, wish(LineAmendment(line=1, quantity=50)), role)
    assert answer.done == "amended: line 1 +10 A"
    await order.handle.terminate()


async def test_a_request_that_is_repeated_while_it_is_carried_out_is_carried_out_once(world: World) -> None:
    order = await world.order()
    await order.owes_nothing()
    writing, go_on = asyncio.Event(), asyncio.Event()

    async def hold(record: StepRecord) -> None:
        if activity.info().is_local:
            raise ApplicationError("the database is away")
        writing.set()
        await go_on.wait()

    world.holding[order.key] = hold
    asked = wish(LineAmendment(line=1, quantity=50))
    first = asyncio.create_task(order.ask(Verb.AMEND, asked))
    await writing.wait()
    second = asyncio.create_task(order.ask(Verb.AMEND, asked))
    await until(lambda: _asked(order, 2))
    world.holding.pop(order.key)
    go_on.set()
    async with asyncio.timeout(WITHIN_S):
        assert (await first).done == (await second).done == "amended: line 1 +10 A"
    assert order.outcome("amend a1") == [None]
    await order.owes_nothing()
    assert order.done.count("amend_warehouse/amend/a1") == 1
    await order.handle.terminate()


async def _asked(order: Order, number: int) -> bool:
    """Whether so many commands are in its history."""
    names = [event.WhichOneof("attributes") async for event in order.handle.fetch_history_events()]
    return names.count("workflow_execution_signaled_event_attributes") >= number


async def test_a_request_is_carried_out_once_also_by_a_later_run(restless: World) -> None:
    order = await restless.order()
    asked = wish(LineAmendment(line=1, quantity=50))
    first = await order.ask(Verb.AMEND, asked)
    ran = len(await runs(order))
    for number in range(6):
        await order.tell(order.event(M.EXCEPTION, 1 + number / 10, name=f"x{number}"))
    await until(lambda: _runs(order, ran + 1))
    assert (await order.ask(Verb.AMEND, asked)).done == first.done
    await order.owes_nothing()
    assert order.line(1).ordered == 50
    for effect in ("amend_warehouse/amend/a1", "amend_tender/amend/a1", "change/amended/amend/a1"):
        assert set(order.planned) >= {effect}
        assert sum(effect == key for key in dict.fromkeys(order.done)) == 1
    versions = {it.version for it in order.outcomes if it.event_id == "amend a1"}
    assert len(versions) == 1, "one step, however often it was written"
    await order.handle.terminate()


async def _runs(order: Order, number: int) -> bool:
    return len(await runs(order)) >= number


async def test_what_a_dead_warehouse_is_owed_of_amendments_comes_in_order(world: World) -> None:
    order = await world.order()
    await order.owes_nothing()
    world.trouble[order.key, System.WMS] = dead
    await order.ask(Verb.AMEND, wish(LineAmendment(line=1, quantity=50)))
    await order.ask(Verb.AMEND, wish(LineAmendment(line=1, quantity=45), request="a2"))
    await until(lambda: "change/amended/amend/a2" in order.done)
    assert order.carried(Operation.AMEND_WAREHOUSE) == []
    del world.trouble[order.key, System.WMS]
    await order.owes_nothing()
    assert [e.payload.targets[0].quantity for e in order.carried(Operation.AMEND_WAREHOUSE)] == [50, 45]
    await order.handle.terminate()


async def test_an_edit_does_not_reset_a_clock_that_it_does_not_concern(world: World) -> None:
    order = await world.order()
    before = await order.status()
    await order.ask(Verb.AMEND, wish(LineAmendment(line=1, quantity=50)))
    after = await order.status()
    assert (after.awaited, after.due_at) == (before.awaited, before.due_at)
    assert before.due_at is not None
    await order.handle.terminate()


@pytest.mark.parametrize("together", [False, True], ids=["waits", "together"])
async def test_a_cancellation_while_an_amendment_waits_for_the_warehouse_leaves_nobody_without_an_answer(
    world: World, together: bool
) -> None:
    """What was taken before stays answered so; what comes behind it is refused, says why, and is recorded."""
    order = await world.order()
    await order.owes_nothing()
    world.trouble[order.key, System.WMS] = dead
    first, late = (wish(LineAmendment(line=1, quantity=n), request=f"a{n}") for n in (50, 55))
    assert (await order.ask(Verb.AMEND, first)).done == "amended: line 1 +10 A"
    await until(lambda: any(it.operation is AMENDS[0] for it, _ in world.attempts[order.key]))
    asked = [order.command(CancelRequest(id="c1", reason="customer withdrew")), order.command(late)]
    for verb, command in zip((Verb.CANCEL, Verb.AMEND), asked, strict=True):
        await order.handle.signal(verb, command)
        if not together:
            await until(lambda: any(it.event_id == "cancel c1" for it in order.outcomes))
    await until(lambda: {it.inbox_id for it in asked} <= {it.inbox_id for it in order.outcomes})
    taken, refused = (next(it for it in order.outcomes if it.inbox_id == x.inbox_id) for x in asked)
    assert taken.superseded is None
    assert not refused.answer
    assert refused.superseded == "the order is already cancelled: customer withdrew"
    world.trouble.clear()
    assert await order.ended() is OrderStatus.CANCELLED
    assert order.done[-1] == "confirm_cancellation"
    assert not any("a55" in key for key in order.planned)
    assert (order.line(1).ordered, order.line(1).cancelled) == (50, 50)
    order.quantities_add_up()
