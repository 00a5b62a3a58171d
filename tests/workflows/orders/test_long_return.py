"""A return on a server that wants short histories: it goes on in new runs, and nobody hears anything twice."""

from collections.abc import AsyncIterator
from itertools import pairwise

import pytest_asyncio

from domain.returns.return_run import ReturnRun
from schemas.base import System
from schemas.cases.exceptions import ExceptionKind
from schemas.orders.milestones import Disposition
from schemas.workflows.returns import ReturnState
from tests.stack.standins import until
from tests.workflows.conftest import options
from tests.workflows.return_world import ListeningOrder, Return, ReturnWorld, refuses, return_world

PARTS = 5
"""Receipts, each with a fifth of the goods: enough for several runs."""


@pytest_asyncio.fixture(scope="module")
async def restless() -> AsyncIterator[ReturnWorld]:
    short = options("frontend.WorkflowTimeSkippingEnabled=true", "limit.historyCount.suggestContinueAsNew=12")
    async with return_world(*short) as world:
        yield world


async def runs(it: Return) -> list[ReturnRun]:
    """What each of its runs began with, the first one first."""
    found = []
    async for execution in it.world.client.list_workflows(f"WorkflowId = '{it.start.workflow_id}'"):
        handle = it.world.client.get_workflow_handle(execution.id, run_id=execution.run_id)
        async for event in handle.fetch_history_events():
            payloads = event.workflow_execution_started_event_attributes.input.payloads
            found += await it.world.client.data_converter.decode(payloads, [ReturnRun])
            break
    return sorted(found, key=lambda run: run.run)


async def test_it_goes_on_in_new_runs_and_tells_nobody_twice(restless: ReturnWorld) -> None:
    it = restless.asked()
    restless.trouble[it.start.order, System.TMS] = refuses
    await it.order_listens()
    await it.authorise()
    await until(lambda: bool(it.cases(ExceptionKind.REFUSED_EFFECT)))
    for number in range(PARTS):
        part = ((1, 8), (2, 12))
        inspected = it.inspected(f"i{number}", Disposition.RESTOCK, *part)
        await it.tell(it.received("r0", *part), it.received(f"r{number}", *part), inspected)
    assert (await it.result()).state is ReturnState.CREDITED
    begun = await runs(it)
    assert [run.run for run in begun] == list(range(1, len(begun) + 1))
    assert len(begun) > 1
    assert [it.state.version for it in begun[1:] if it.state] == sorted({it.state.version for it in begun if it.state})
    assert len({step.task.run for step in it.steps}) > 1, "steps of several runs"
    told = it.done(System.ERP)
    assert told.count("credited") == 1
    assert sorted(told) == sorted(set(told)), "each system hears each cause once"
    await it.order_ends()
    heard = [said.model_copy(update={"said_at": None}) for said in await it.order.query(ListeningOrder.heard)]
    assert all(one != other for one, other in pairwise(heard)), "the order hears what is new"
    assert heard[0].state is not ReturnState.AUTHORISED, "it was authorised before the first run was handed over"
    if not restless.lossy:
        assert len(it.cases(ExceptionKind.REFUSED_EFFECT)) == 1, "a new run has nothing to tell the case"
