"""The workflows of purchase orders and replenishments: steps, deadlines, cases, refusals, systems that are away."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from temporalio.api.enums.v1 import EventType

from schemas.cases.exceptions import Action
from schemas.inventory.stock import StockMoved
from schemas.messaging.effects import Operation
from schemas.orders.milestones import MilestoneKind
from schemas.procurement.purchase_orders import PurchaseStatus
from schemas.procurement.replenishment import Hop, ReplenishmentState
from schemas.workflows.records import StepRecord
from tests.domain.procurement.test_replenishing import proposal
from tests.domain.purchases import NOON, advised, confirmed, invoiced, of_own, received, reported
from tests.faults.losing import REPEATS
from tests.stack.standins import until
from tests.workflows.conftest import server
from tests.workflows.purchase_world import PurchaseWorld, purchase_world
from tests.workflows.return_world import dead, refuses
from tests.workflows.told import CommandRefused
from tests.written import Said

ALL: dict[str, Any] = {"l1": 100, "l2": 50}


@pytest_asyncio.fixture(scope="module")
async def world() -> AsyncIterator[PurchaseWorld]:
    """The workflows on a dev server of their own: on the shared one another world works off the same queues."""
    async with (
        server() as client,
        purchase_world(client) as started,
    ):
        yield started


async def test_the_story(world: PurchaseWorld) -> None:
    order = world.purchase()
    outcome = await order.live()
    assert (outcome.status, outcome.received) == (PurchaseStatus.SETTLED, 150)
    assert order.done == ["confirmation/r1", "receipt/G1/r1", "invoice/I1/r1/released"]
    totals = [sum(record.moves.get("on_hand:LYS", {}).values()) for record in order.records]
    assert [total for total in totals if total] == [150]
    assert order.records[-1].closed
    assert all(sum(sum(it.values()) for it in record.moves.values()) == 0 for record in order.records)


async def test_everything_at_once_and_twice_is_the_same(world: PurchaseWorld) -> None:
    order = world.purchase()
    news = [invoiced("I1", **ALL), received("G1", "S1", **ALL), advised("S1", **ALL), confirmed(), order.order()]
    await order.tell(*news, *news)
    assert (await order.handle.result()).status is PurchaseStatus.SETTLED
    told = ["confirmation/r1", "invoice/I1/r1/held", "invoice/I1/r1/released", "receipt/G1/r1"]
    assert sorted(order.done) == told, "the invoice came before the goods"
    superseded = [x.superseded for x in order.outcomes if x.superseded]
    assert superseded == ["this document is known"] * len(news)


async def test_a_silent_supplier_is_a_case_until_it_confirms(world: PurchaseWorld) -> None:
    order = world.purchase(confirm_within_s=0.2)
    await order.tell(order.order())
    await order.case("missing_ack", "open")
    await order.tell(confirmed())
    await order.case("missing_ack", "cured")
    await order.handle.terminate()


async def test_a_held_invoice_opens_a_case_and_a_second_one_another(world: PurchaseWorld) -> None:
    order = world.purchase()
    await order.tell(order.order(), received("G1", **ALL), invoiced("I1", "11", l1=100))
    await order.case("invoice_mismatch", "open")
    await order.tell(invoiced("I1", revision=2, l1=100))
    await order.case("invoice_mismatch", "cured")
    await order.tell(invoiced("I2", "11", l2=50))
    await until(lambda: len({x.id for x in world.cases[order.start.key]}) == 2)
    await order.tell(invoiced("I2", revision=2, l2=50))
    await order.handle.result()
    assert [key for key in order.done if key.startswith("invoice")] == [
        "invoice/I1/r1/held",
        "invoice/I1/r2/released",
        "invoice/I2/r1/held",
        "invoice/I2/r2/released",
    ]


async def test_a_carrier_moves_the_day_on_which_it_is_expected(world: PurchaseWorld) -> None:
    order = world.purchase()
    await order.tell(order.order(), confirmed(), advised("S1", **ALL))
    later = NOON.replace(year=2027)
    event = reported(MilestoneKind.DELAYED, "S1", 1, eta=later)
    await order.report(event, event)
    await order.knows(event.id)
    assert {x.day for x in order.records[-1].supplies if x.packs} == {later.date()}
    await order.case("delay", "open")
    await order.handle.terminate()


async def test_an_effect_that_the_erp_refuses_is_a_case_and_holds_nothing_up(world: PurchaseWorld) -> None:
    order = world.purchase()
    world.trouble[order.start.key, Operation.POST_RECEIPT] = refuses
    await order.tell(order.order(), received("G1", **ALL))
    await order.case("refused_effect", "open")
    await order.tell(invoiced("I1", **ALL))
    assert (await order.handle.result()).status is PurchaseStatus.SETTLED
    assert order.done == ["invoice/I1/r1/released"]


async def test_a_dead_erp_is_waited_for(world: PurchaseWorld) -> None:
    order = world.purchase()
    world.trouble[order.start.key, Operation.POST_RECEIPT] = dead
    await order.tell(order.order(), received("G1", **ALL), invoiced("I1", **ALL))
    assert order.done == []
    del world.trouble[order.start.key, Operation.POST_RECEIPT]
    await order.handle.result()
    assert order.done == ["receipt/G1/r1", "invoice/I1/r1/released"]


@pytest.mark.skipif(REPEATS, reason="compares two attempts at a step; of lost tasks the last one stands")
async def test_a_step_that_is_decided_again_says_on_what(world: PurchaseWorld) -> None:
    """Temporal refuses the end of a run when a signal came. The store takes back what the first try booked."""
    order = world.purchase()
    ending, go_on = asyncio.Event(), asyncio.Event()

    async def hold(record: StepRecord) -> None:
        if Said(record).closed:
            ending.set()
            await go_on.wait()

    world.holding[order.start.key] = hold
    await order.tell(order.order())
    await order.tell(advised("S1", **ALL), received("G1", "S1", **ALL), invoiced("I1", **ALL))
    await ending.wait()
    await order.tell(confirmed())
    go_on.set()
    await order.handle.result()
    again = [x for x in world.written[order.start.key] if x.record.find(StockMoved)]
    assert len({x.base for x in again}) == 1, "decided on the same state"
    assert again[0].record.find(StockMoved) == again[-1].record.find(StockMoved)
    assert again[-1].version > again[0].version


async def test_documents_and_reports_wait_for_the_order_itself(world: PurchaseWorld) -> None:
    order = world.purchase()
    await order.tell(received("G1", **ALL))
    await order.report(reported(MilestoneKind.IN_TRANSIT, "S1", 1))
    await order.tell(order.order())
    await order.knows(received("G1", **ALL).id, reported(MilestoneKind.IN_TRANSIT, "S1", 1).id)
    await order.handle.terminate()


async def test_what_people_settled_counts_as_new_after_the_end_when_it_was_cured(world: PurchaseWorld) -> None:
    order = world.purchase()
    await order.tell(order.order(), received("G1", **ALL), invoiced("I1", "11", **ALL))
    await order.case("invoice_mismatch", "open")
    await order.resolve("invoice_mismatch")

    async def heard() -> bool:
        events = [event.event_type async for event in order.handle.fetch_history_events()]
        ended = EventType.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_COMPLETED
        done = EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED
        return ended in events and done in events[events.index(ended) :]

    await until(heard)
    await order.tell(invoiced("I1", revision=2, **ALL))
    await order.handle.result()
    run = order.handed_over
    assert run and [(it.open, it.settled) for it in run.cases] == [(False, ())]


async def test_an_action_is_refused_at_once_or_carried_out_and_answered(world: PurchaseWorld) -> None:
    order = world.purchase(confirm_within_s=0.2)
    await order.tell(order.order())
    await order.case("missing_ack", "open")
    assert order.done == ["decision/reminder"], "a silent supplier is reminded by itself"
    with pytest.raises(CommandRefused, match="still expected"):
        await order.act(Action.CLOSE_UNINVOICED)
    said = await order.act(Action.WRITE_OFF, case=f"{order.start.key}/missing_ack/1")
    assert said.status is PurchaseStatus.SETTLED and said.done == "given up: line/1, line/2"
    await order.handle.result()
    assert len(order.done) == 2
    settled = [x for x in order.outcomes if x.event_id.startswith("act ")]
    assert [bool(x.superseded) for x in settled] == [True, False]
    await order.case("missing_ack", "cured")


async def test_what_the_erp_refused_is_tried_again(world: PurchaseWorld) -> None:
    order = world.purchase()
    world.trouble[order.start.key, Operation.POST_RECEIPT] = refuses
    await order.tell(order.order(), received("G1", **ALL))
    await order.case("refused_effect", "open")
    del world.trouble[order.start.key, Operation.POST_RECEIPT]
    assert (await order.act(Action.RETRY)).done == "1 effect tried again"
    await order.case("refused_effect", "cured")
    assert order.done == ["receipt/G1/r1"]
    await order.handle.terminate()


async def test_a_transfer_is_instructed_issued_and_received(world: PurchaseWorld) -> None:
    order = world.purchase()
    await order.tell(of_own(order.order()))
    for document in (advised("S1", **ALL), received("G1", "S1", **ALL)):
        await order.tell(document)
        await order.knows(document.id)
    assert (await order.handle.result()).status is PurchaseStatus.SETTLED
    assert sorted(order.done) == ["issue/S1/r1", "receipt/G1/r1", "transfer/v1"]
    assert order.records[-1].closed and not any(record.invoices for record in order.records)


async def test_a_proposal_is_ordered_and_answered(world: PurchaseWorld) -> None:
    result = await (await world.propose(proposal(id="W-1"))).result()
    assert (result.state, result.number) == (ReplenishmentState.ORDERED, "4711")
    assert world.done("erp-one/replenishment:W-1") == ["place_replenishment", "answer_replenishment"]
    assert world.proposals["W-1"][-1].answered


async def test_a_refusal_by_the_erp_is_answered_too(world: PurchaseWorld) -> None:
    world.trouble["erp-one/replenishment:W-2", Operation.PLACE_REPLENISHMENT] = refuses
    result = await (await world.propose(proposal(id="W-2"))).result()
    assert (result.state, result.hop, result.origin) == (ReplenishmentState.REFUSED, Hop.ERP, "erp_rule")
    assert world.proposals["W-2"][-1].answered


async def test_planning_that_is_away_is_shown_and_waited_for(world: PurchaseWorld) -> None:
    key = "erp-one/replenishment:W-3"
    world.trouble[key, Operation.ANSWER_REPLENISHMENT] = dead
    handle = await world.propose(proposal(id="W-3"))
    await until(lambda: any(x.origin == "planning_api" for x in world.proposals["W-3"]))
    del world.trouble[key, Operation.ANSWER_REPLENISHMENT]
    await handle.result()
    last = world.proposals["W-3"][-1]
    assert (last.origin, last.answered, last.state) == (None, True, ReplenishmentState.ORDERED)
