"""A purchase order of many runs: what is owed, refused and answered goes along; ten thousand reports are taken in."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest_asyncio

from domain.procurement.purchase_run import InboundRun
from schemas.cases.exceptions import Action
from schemas.inventory.stock import StockMoved
from schemas.messaging.effects import Operation
from schemas.orders.milestones import MilestoneKind as M
from schemas.procurement.purchase_orders import PurchaseStatus
from schemas.standard_identifiers import short_id
from tests.domain.purchases import NOON, advised, confirmed, invoiced, received, reported
from tests.stack.standins import until
from tests.workflows.conftest import server
from tests.workflows.purchase_world import Purchase, PurchaseWorld, purchase_world
from tests.workflows.return_world import dead, refuses

ALL: dict[str, Any] = {"l1": 100, "l2": 50}
SCANS, IN_A_SIGNAL, IN_A_WAVE = 10_000, 50, 1_000
LARGEST_INPUT = 2 * 1024 * 1024
"""Bytes; Temporal refuses larger payloads."""


@pytest_asyncio.fixture(scope="module")
async def restless() -> AsyncIterator[PurchaseWorld]:
    """A server that suggests to continue as new after a dozen events."""
    async with (
        server("limit.historyCount.suggestContinueAsNew=12") as client,
        purchase_world(client) as started,
    ):
        started.lossy = True  # a signal that comes while a run continues as new makes the server fail that task
        yield started


async def runs(order: Purchase) -> list[InboundRun]:
    """What each of the runs was started with."""
    found, client = [], order.world.client
    async for execution in client.list_workflows(f"WorkflowId = '{order.start.workflow_id}'"):
        handle = client.get_workflow_handle(execution.id, run_id=execution.run_id)
        async for event in handle.fetch_history_events():
            payloads = event.workflow_execution_started_event_attributes.input.payloads
            found += await client.data_converter.decode(payloads, [InboundRun])
            break
    return found


async def test_many_runs_end_as_one(restless: PurchaseWorld) -> None:
    order = restless.purchase()
    outcome = await order.live()
    assert (outcome.status, outcome.received) == (PurchaseStatus.SETTLED, 150)
    assert len(await runs(order)) > 1
    assert order.done == ["confirmation/r1", "receipt/G1/r1", "invoice/I1/r1/released"]
    steps = restless.written[order.start.key]
    booked = {
        (it.base, it.version): sum(it.record.get(StockMoved).moves.get("on_hand:LYS", {}).values()) for it in steps
    }
    assert sum(booked.values()) == 150, "each movement is booked by one run"


async def test_what_a_dead_erp_is_owed_goes_along(restless: PurchaseWorld) -> None:
    order = restless.purchase()
    for operation in (Operation.REPORT_CONFIRMATION, Operation.POST_RECEIPT):
        restless.trouble[order.start.key, operation] = dead
    await order.tell(order.order(), confirmed(), received("G1", **ALL))
    for n in range(8):
        event = reported(M.IN_TRANSIT, "S1", n)
        await order.report(event)
        await order.knows(event.id)
    assert len(await runs(order)) > 1
    assert order.done == []
    restless.trouble.clear()
    await order.tell(invoiced("I1", **ALL))
    await order.handle.result()
    assert order.done == ["confirmation/r1", "receipt/G1/r1", "invoice/I1/r1/released"]


async def test_what_was_refused_and_what_people_asked_goes_along(restless: PurchaseWorld) -> None:
    order = restless.purchase()
    restless.trouble[order.start.key, Operation.POST_RECEIPT] = refuses
    await order.tell(order.order(), received("G1", l1=100))
    await order.case("refused_effect", "open")
    said = await order.act(Action.ASK_AGAIN, "ask-1")
    for n in range(8):
        event = reported(M.IN_TRANSIT, "S1", n)
        await order.report(event)
        await order.knows(event.id)
    assert len(await runs(order)) > 1
    assert await order.act(Action.ASK_AGAIN, "ask-1") == said, "a repeat is answered, and not carried out"
    del restless.trouble[order.start.key, Operation.POST_RECEIPT]
    assert (await order.act(Action.RETRY)).done == "1 effect tried again"
    await order.case("refused_effect", "cured")
    await until(lambda: sorted(order.done) == ["decision/ask-1", "receipt/G1/r1"])
    await order.tell(received("G2", l2=50), invoiced("I1", **ALL))
    await order.handle.result()


async def test_what_comes_after_the_end_goes_on_where_it_ended(restless: PurchaseWorld) -> None:
    order = restless.purchase()
    await order.tell(order.order(), received("G1", **ALL), invoiced("I1", "11", **ALL))
    await order.case("invoice_mismatch", "open")
    await order.tell(invoiced("I1", revision=2, **ALL))
    await order.handle.result()
    await order.case("invoice_mismatch", "cured")
    settled = restless.written[order.start.key][-1]
    run = order.handed_over
    assert run
    await order.again(run, invoiced("I2", l1=1))
    await until(lambda: len({x.id for x in restless.cases[order.start.key]}) == 2)
    assert order.handed_over is None and restless.written[order.start.key][-1].base == settled.version
    assert (await order.act(Action.REJECT_INVOICE, "no-1", invoice="I2")).status is PurchaseStatus.SETTLED
    assert (await order.handle.result()).status is PurchaseStatus.SETTLED
    assert order.handed_over and short_id("act no-1") in order.handed_over.seen, "a repeat is known"
    assert restless.cases[order.start.key][-1].state == "cured"
    assert order.done[1:] == [
        "invoice/I1/r1/held",
        "invoice/I1/r2/released",
        "invoice/I2/r1/held",
        "invoice/I2/r1/rejected",
    ]


async def test_what_is_refused_after_the_last_step_is_handed_over_with_its_case(restless: PurchaseWorld) -> None:
    """The case is known when it begins again: it is cured by a retry, and a new refusal joins it."""
    order = restless.purchase()
    for operation in (Operation.SETTLE_INVOICE, Operation.POST_RECEIPT):
        restless.trouble[order.start.key, operation] = refuses
    await order.tell(order.order(), received("G1", **ALL), invoiced("I1", **ALL))
    await order.handle.result()
    await order.case("refused_effect", "open")
    run = order.handed_over
    assert run
    assert [it.effect.operation for it in run.refused] == [Operation.POST_RECEIPT, Operation.SETTLE_INVOICE]
    assert [(it.kind, it.open) for it in run.cases] == [("refused_effect", True)]
    await order.again(run, received("G2", l1=5))
    await until(lambda: any("G2" in x.subject for it in restless.cases[order.start.key] for x in it.findings))
    restless.trouble.clear()
    assert (await order.act(Action.RETRY)).done == "3 effects tried again"
    await order.case("refused_effect", "cured")
    await until(lambda: {*order.done} == {"invoice/I1/r1/released", "receipt/G1/r1", "receipt/G2/r1"})
    assert {it.id for it in restless.cases[order.start.key] if it.kind == "refused_effect"} == {
        f"{order.start.key}/refused_effect/1"
    }
    await order.handle.terminate()


async def test_ten_thousand_reports_of_carriers(restless: PurchaseWorld) -> None:
    order = restless.purchase()
    await order.tell(order.order(), confirmed(), advised("S1", **ALL))
    day = NOON.replace(year=2027)
    scans = [
        reported(M.DELAYED if n % 3 else M.IN_TRANSIT, "S1", n / 1000, eta=day + timedelta(days=n % 40))
        for n in range(SCANS)
    ]
    for wave in range(0, SCANS, IN_A_WAVE):
        for at in range(wave, wave + IN_A_WAVE, IN_A_SIGNAL):
            await order.report(*scans[at : at + IN_A_SIGNAL], *scans[max(0, at - 7) : at])
        names = {it.id for it in scans[: wave + IN_A_WAVE]}
        await until(lambda names=names: names <= {x.event_id for x in order.outcomes})
    assert {it.day for it in order.records[-1].supplies if it.packs} == {scans[-1].eta.date()}  # type: ignore[union-attr]
    await order.tell(received("G1", "S1", **ALL), invoiced("I1", **ALL))
    assert (await order.handle.result()).status is PurchaseStatus.SETTLED
    lived = await runs(order)
    assert len(lived) > 1
    assert max(len(run.model_dump_json()) for run in lived) < LARGEST_INPUT / 20
