"""Trouble that partners report and Syncline finds: a case for each kind, cured by itself, never merged into a closed
one."""

import asyncio

import pytest

from schemas.cases.cases import CaseState
from schemas.cases.exceptions import Action, ExceptionKind
from schemas.cases.exceptions import ExceptionKind as X
from schemas.messaging.effects import ChangeKind
from schemas.orders.milestones import MilestoneEvent
from schemas.orders.milestones import MilestoneKind as M
from schemas.orders.release import OrderStatus
from schemas.workflows.commands import Verb
from tests.domain.builders import FULL
from tests.stack.standins import until
from tests.workflows.views import (
    action,
    attributes,
    case,
    case_id,
    case_steps,
    changes,
    ended,
    events,
    opened,
    packs,
    resolve,
    subjects,
)
from tests.workflows.world import QUIET, Order, World, centre_story

REPORTED = (X.DAMAGE, X.TEMPERATURE, X.CUSTOMS, X.ADDRESS, X.OVER_SHIP)


def trouble(order: Order, cause: ExceptionKind | None, hours: float, shipment: str = "DN-1") -> MilestoneEvent:
    """A partner says that something is wrong with a shipment."""
    said = {"cause": cause, "reason": "as seen at the gate", "name": f"{shipment}.{cause}.{hours}"}
    return order.event(M.EXCEPTION, hours, shipment=shipment, **said)


def cleared(order: Order, cause: ExceptionKind, hours: float, shipment: str = "DN-1") -> MilestoneEvent:
    """A partner says that it is over."""
    return order.event(M.CLEARED, hours, shipment=shipment, cause=cause, name=f"{shipment}.{cause}.{hours}")


async def sent(world: World) -> Order:
    """An order whose goods have left and that waits for one report, so that it does not close at the delivery."""
    order = await world.order()
    await order.tell(*centre_story(order)[1:3])
    return order


@pytest.mark.parametrize("cause", REPORTED)
async def test_what_a_partner_reports_opens_a_case_that_its_cleared_cures(world: World, cause: ExceptionKind) -> None:
    order = await sent(world)
    await order.tell(trouble(order, cause, 4))
    record = await opened(order, cause, "DN-1")
    assert record.summary == f"{cause} reported on shipment DN-1: as seen at the gate"
    assert (record.state, record.reopened, record.policy_version) == (CaseState.OPEN, 0, 1)
    assert cause in order.steps[-1].conditions
    assert (await order.status()).cases == (case_id(order, cause),)
    await order.tell(cleared(order, cause, 5))
    assert (await ended(order, cause)).state is CaseState.CURED
    assert (await case(order, cause).result()).state is CaseState.CURED
    assert order.steps[-1].conditions == ()
    assert (await order.status()).cases == ()
    told = [key for key in order.done if "exception" in key or "cleared" in key]
    assert len(told) == 2, "the ERP hears of both"
    await order.handle.terminate()


@pytest.mark.parametrize(("cause", "left"), [(X.CUSTOMS, set()), (X.ADDRESS, set()), (X.DAMAGE, {"damage"})])
async def test_delivery_cures_what_only_stood_in_its_way(world: World, cause: X, left: set[str]) -> None:
    order = await sent(world)
    await order.tell(trouble(order, cause, 4))
    await opened(order, cause)
    await order.tell(order.event(M.DELIVERED, 9))
    if not left:
        assert (await ended(order, cause)).state is CaseState.CURED
    await order.tell(centre_story(order)[0])
    assert (await order.handle.result()).status is OrderStatus.CLOSED
    assert order.open_cases == left, "a case outlives its order until it is dealt with"


async def test_damaged_packs_are_written_off(world: World) -> None:
    order = await sent(world)
    await order.tell(trouble(order, X.DAMAGE, 4))
    await opened(order, X.DAMAGE)
    wish = action(Action.WRITE_OFF, case=case_id(order, X.DAMAGE), lines=packs(line1=10))
    answer = await order.ask(Verb.ACT, wish)
    assert answer.done == "10 packs written off"
    record = await ended(order, X.DAMAGE)
    assert record.state is CaseState.CURED
    assert [(it.what, it.by) for it in record.history if it.what.startswith("write_off")] == [
        ("write_off: 10 packs written off", "sam")
    ]
    await order.owes_nothing()
    [told] = changes(order, ChangeKind.CLOSED_SHORT)
    assert told.payload.lines == packs(line1=10)
    assert (order.line(1).cancelled, order.line(1).shipped) == (10, 30)
    order.quantities_add_up()
    await order.handle.terminate()


async def test_trouble_of_an_unknown_cause_keeps_the_order_alive(world: World) -> None:
    order = await sent(world)
    await order.tell(trouble(order, None, 4))
    record = await opened(order, X.UNKNOWN_CODE, "DN-1")
    assert record.summary == "other reported on shipment DN-1: as seen at the gate"
    assert "exception" in order.steps[-1].conditions
    await order.tell(order.event(M.DELIVERED, 9))
    assert order.steps[-1].status is OrderStatus.DELIVERED
    answer = await order.ask(Verb.ACT, action(Action.WRITE_OFF))
    assert answer.done == "written off"
    assert (await ended(order, X.UNKNOWN_CODE)).state is CaseState.CURED
    assert not changes(order, ChangeKind.CLOSED_SHORT), "everything was delivered: nothing is taken off the order"
    await order.tell(centre_story(order)[0])
    assert (await order.handle.result()).status is OrderStatus.CLOSED


async def test_more_than_was_ordered_has_left(world: World) -> None:
    order = await world.order()
    await order.tell(order.event(M.SHIPPED, 3, lines=packs(line1=45, line2=60)))
    record = await opened(order, X.OVER_SHIP, "line 1")
    assert record.summary == "line 1: 5 packs more than ordered have left"
    assert order.line(1).shipped == 40
    order.quantities_add_up()
    await order.tell(order.event(M.SHIPPED, 3.5, lines=FULL, name="corrected"))
    assert (await ended(order, X.OVER_SHIP)).state is CaseState.CURED
    await order.handle.terminate()


async def test_an_invoice_is_held_while_proof_and_shipment_differ(world: World) -> None:
    order = await world.order(proof_of_delivery_required=True)
    await order.tell(*centre_story(order))
    await order.tell(order.event(M.PROOF_OF_DELIVERY, 7, lines=packs(line1=38, line2=60)))
    record = await opened(order, X.POD_MISMATCH, "DN-1 line 1")
    assert record.summary == "line 1: 40 packs left, 38 were signed for"
    await order.owes_nothing()
    [held] = changes(order, ChangeKind.INVOICE_HELD)
    assert (held.topic.shipment, held.payload.lines) == ("DN-1", packs(line1=2))
    answer = await order.ask(Verb.ACT, action(Action.WRITE_OFF, case=case_id(order, X.POD_MISMATCH)))
    assert answer.done == "2 packs written off"
    assert (await ended(order, X.POD_MISMATCH)).state is CaseState.CURED
    await order.owes_nothing()
    assert [it.payload.lines for it in changes(order, ChangeKind.INVOICE_RELEASED)] == [packs(line1=2)]
    assert (await order.handle.result()).status is OrderStatus.CLOSED


async def test_what_was_picked_and_did_not_leave(world: World) -> None:
    order = await world.order()
    await order.tell(*centre_story(order)[:2], order.event(M.SHIPPED, 3, lines=packs(line1=40, line2=50)))
    record = await opened(order, X.SHORT_SHIP, "line 2")
    assert record.summary == "line 2: 10 packs were picked and did not leave"
    await order.tell(order.event(M.SHIPPED, 4, shipment="DN-2", lines=packs(line2=10)))
    assert (await ended(order, X.SHORT_SHIP)).state is CaseState.CURED
    await order.handle.terminate()


# Grouping


async def test_troubles_of_one_kind_are_grouped_while_their_case_is_open(world: World) -> None:
    order = await sent(world)
    await order.tell(trouble(order, X.DAMAGE, 4))
    await opened(order, X.DAMAGE, "DN-1")
    await order.tell(trouble(order, X.DAMAGE, 4.5, "DN-2"), trouble(order, X.CUSTOMS, 4.6, "DN-2"))
    record = await opened(order, X.DAMAGE, "DN-1", "DN-2")
    await opened(order, X.CUSTOMS, "DN-2")
    assert [it.what.split(":")[0] for it in record.history][-1] == "joined"
    await order.tell(cleared(order, X.DAMAGE, 5))
    record = await opened(order, X.DAMAGE, "DN-2")
    await order.tell(trouble(order, X.DAMAGE, 4.5, "DN-2"), cleared(order, X.DAMAGE, 4.2, "DN-2"))
    assert case_steps(order, X.DAMAGE)[-1] == record, "a repeat and an older word change nothing"
    assert len((await order.status()).cases) == 2
    assert not case_steps(order, X.DAMAGE, 2)
    await order.handle.terminate()


async def test_the_same_trouble_again_opens_its_case_again_with_its_history(world: World) -> None:
    order = await sent(world)
    for number in range(3):
        await order.tell(trouble(order, X.TEMPERATURE, 4 + number))
        record = await opened(order, X.TEMPERATURE, "DN-1")
        assert record.reopened == number
        assert sum(it.what.startswith("cured") for it in record.history) == number
        await order.tell(cleared(order, X.TEMPERATURE, 4.5 + number))
        await ended(order, X.TEMPERATURE)
    assert not case_steps(order, X.TEMPERATURE, 2)
    await order.handle.terminate()


async def test_trouble_that_comes_again_while_its_case_is_closing_opens_it_again(world: World) -> None:
    order = await sent(world)
    await order.tell(trouble(order, X.TEMPERATURE, 4))
    await opened(order, X.TEMPERATURE)
    world.case_away[case_id(order, X.TEMPERATURE)] = away = asyncio.Event()
    await order.tell(cleared(order, X.TEMPERATURE, 4.5))
    await order.tell(trouble(order, X.TEMPERATURE, 5))

    async def still_closing() -> bool:
        return "START_CHILD_WORKFLOW_EXECUTION_FAILED" in [name for name, _ in await events(order)]

    await until(still_closing)
    away.set()
    assert (await ended(order, X.TEMPERATURE)).reopened == 0
    assert (await opened(order, X.TEMPERATURE, "DN-1")).reopened == 1
    await order.handle.terminate()


async def test_another_trouble_after_the_cure_is_another_case(world: World) -> None:
    order = await sent(world)
    await order.tell(trouble(order, X.DAMAGE, 4))
    await opened(order, X.DAMAGE)
    await order.tell(cleared(order, X.DAMAGE, 4.5))
    await ended(order, X.DAMAGE)
    await order.tell(trouble(order, X.DAMAGE, 5, "DN-2"))
    record = await opened(order, X.DAMAGE, "DN-2", number=2)
    assert (record.reopened, len(record.history)) == (0, 2), "opened and alerted; it starts its own history"
    assert subjects(order, X.DAMAGE) == set()
    assert (await order.status()).cases == (case_id(order, X.DAMAGE, 2),)
    await order.handle.terminate()


async def test_a_resolved_case_is_not_fed_any_more(world: World) -> None:
    order = await sent(world)
    await order.tell(trouble(order, X.DAMAGE, 4))
    await opened(order, X.DAMAGE)
    await resolve(order, X.DAMAGE)
    record = case_steps(order, X.DAMAGE)[-1]
    await order.tell(trouble(order, X.DAMAGE, 5, "DN-2"))
    await opened(order, X.DAMAGE, "DN-2", number=2)
    assert case_steps(order, X.DAMAGE)[-1] == record
    assert (await order.status()).cases == (case_id(order, X.DAMAGE, 2),)
    assert (await attributes(order))["OpenCases"] == [case_id(order, X.DAMAGE, 2)]
    await order.tell(cleared(order, X.DAMAGE, 6), cleared(order, X.DAMAGE, 6, "DN-2"))
    await ended(order, X.DAMAGE, 2)
    await order.tell(trouble(order, X.DAMAGE, 7, "DN-2"))
    assert (await opened(order, X.DAMAGE, "DN-2", number=2)).reopened == 1
    await order.handle.terminate()


async def test_what_was_resolved_is_raised_again_after_it_was_cured(world: World) -> None:
    order = await sent(world)
    await order.tell(trouble(order, X.DAMAGE, 4))
    await opened(order, X.DAMAGE)
    await resolve(order, X.DAMAGE)
    await order.tell(trouble(order, X.DAMAGE, 4.2), trouble(order, X.CUSTOMS, 4.3))
    await opened(order, X.CUSTOMS)
    assert subjects(order, X.DAMAGE) == set(), "the damage is known, and somebody has dealt with it"
    assert (await order.status()).cases == (case_id(order, X.CUSTOMS),)
    await order.tell(cleared(order, X.DAMAGE, 5))
    await order.tell(trouble(order, X.DAMAGE, 6))
    record = await opened(order, X.DAMAGE, "DN-1")
    assert record.reopened == 1
    assert any(it.what.startswith("resolved") for it in record.history)
    await order.handle.terminate()


async def test_a_later_run_finds_out_that_a_case_was_resolved(restless: World) -> None:
    order = await sent(restless)
    await order.tell(trouble(order, X.DAMAGE, 4))
    await opened(order, X.DAMAGE)
    for number in range(4):
        await order.tell(order.event(M.IN_TRANSIT, 5 + number / 10, name=f"scan-{number}"))
    await resolve(order, X.DAMAGE)
    await order.tell(trouble(order, X.DAMAGE, 6, "DN-2"))
    await opened(order, X.DAMAGE, "DN-2", number=2)
    assert subjects(order, X.DAMAGE) == set()
    for number in range(4):
        await order.tell(order.event(M.IN_TRANSIT, 7 + number / 10, name=f"later-{number}"))
    await order.tell(cleared(order, X.DAMAGE, 8, "DN-2"))
    await ended(order, X.DAMAGE, 2)
    await order.handle.terminate()


async def test_a_case_keeps_the_policy_that_it_started_with(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    order = await sent(world)
    await order.tell(trouble(order, X.DAMAGE, 4))
    first = await opened(order, X.DAMAGE, "DN-1")
    monkeypatch.setitem(world.policies, X.DAMAGE, QUIET.model_copy(update={"version": 9}))
    await order.tell(trouble(order, X.DAMAGE, 5, "DN-2"))
    joined = await opened(order, X.DAMAGE, "DN-1", "DN-2")
    assert (first.policy_version, joined.policy_version) == (1, 1)
    await order.tell(cleared(order, X.DAMAGE, 6), cleared(order, X.DAMAGE, 6, "DN-2"))
    await ended(order, X.DAMAGE)
    await order.tell(trouble(order, X.DAMAGE, 7))
    assert (await opened(order, X.DAMAGE, "DN-1", number=1)).policy_version == 9
    await order.handle.terminate()
