"""A task is lost after its local activities were done: they are done again, signals come again, updates do not."""

import asyncio

import pytest
from temporalio.api.enums.v1 import CommandType, EventType
from temporalio.client import Client, WorkflowHandle
from temporalio.service import RPCError

from tests.faults.chances import Fault
from tests.faults.conftest import Desk, Ledger, desk_before
from tests.faults.tasks import ran, said, took_an_update
from tests.faults.temporal_proxy import COMPLETE, SERVICE, cold_worker
from tests.stack.standins import WITHIN_S, until

COMPLETED = CommandType.COMMAND_TYPE_COMPLETE_WORKFLOW_EXECUTION


async def result(handle: WorkflowHandle[Ledger, list[str]]) -> list[str]:
    """What a ledger has written at its end."""
    await handle.signal(Ledger.end)
    async with asyncio.timeout(WITHIN_S):
        return await handle.result()


async def events(handle: WorkflowHandle[Ledger, list[str]], kind: EventType.ValueType) -> int:
    """How many events of a kind the history has."""
    return [event.event_type async for event in handle.fetch_history_events()].count(kind)


@pytest.mark.parametrize("fault", [Fault.FAILED, Fault.GIVEN_UP, Fault.REJECTED, Fault.WITHHELD])
async def test_what_a_lost_task_did_is_done_again_and_signals_keep_their_order(desk: Desk, fault: Fault) -> None:
    ledger = await desk.begin()
    plan = desk.proxy.next_task(fault, ledger.id, ran("write"))
    await ledger.signal(Ledger.tell, "one")
    await plan.hit.wait()
    await ledger.signal(Ledger.tell, "two")
    await ledger.signal(Ledger.tell, "three")
    assert await result(ledger) == ["one", "two", "three"]
    assert desk.written == ["one", "one", "two", "three"]
    assert desk.proxy.lost == {fault: 1}
    assert desk.proxy.hits == [(ledger.id, fault)]


@pytest.mark.parametrize(
    ("fault", "event"),
    [
        (Fault.FAILED, EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED),
        (Fault.GIVEN_UP, EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED),
        (Fault.REJECTED, EventType.EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT),
        (Fault.WITHHELD, EventType.EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT),
    ],
)
async def test_the_history_says_what_the_server_made_of_it(
    desk: Desk, fault: Fault, event: EventType.ValueType
) -> None:
    ledger = await desk.begin()
    desk.proxy.next_task(fault, ledger.id, ran("write"))
    await ledger.signal(Ledger.tell, "one")
    assert await result(ledger) == ["one"]
    assert await events(ledger, event) == 1


@pytest.mark.parametrize("fault", [Fault.FAILED, Fault.FORGOTTEN])
async def test_an_update_is_gone_with_its_task_and_a_signal_is_not(desk: Desk, fault: Fault) -> None:
    """Why commands are signals: the activity has written the update down, and the workflow never heard of it."""
    ledger = await desk.begin()
    plan = desk.proxy.next_task(fault, ledger.id, took_an_update)
    desk.held["update"] = asyncio.Event()
    asking = asyncio.create_task(ledger.execute_update(Ledger.ask, "update"))
    await until(lambda: desk.written == ["update"])
    asking.cancel()  # nobody is left who would ask again
    await until(lambda: not desk.proxy.under_way[SERVICE + "UpdateWorkflowExecution"])
    desk.held["update"].set()
    await plan.hit.wait()
    await until(lambda: not desk.proxy.under_way[COMPLETE])  # a signal before would have the server write the task down
    await ledger.signal(Ledger.tell, "signal")
    assert await result(ledger) == ["signal"]
    assert desk.written == ["update", "signal"]
    assert await events(ledger, EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED) == 0


async def test_the_caller_of_an_update_hears_that_its_task_failed(desk: Desk) -> None:
    ledger = await desk.begin()
    desk.proxy.next_task(Fault.FAILED, ledger.id, took_an_update)
    with pytest.raises(RPCError, match="unexpected workflow task failure"):
        await ledger.execute_update(Ledger.ask, "update")
    assert await result(ledger) == []


@pytest.mark.parametrize("fault", [Fault.GIVEN_UP, Fault.FORGOTTEN])
async def test_a_caller_that_waits_is_answered_by_a_later_attempt(desk: Desk, fault: Fault) -> None:
    ledger = await desk.begin()
    desk.proxy.next_task(fault, ledger.id, took_an_update)
    assert await ledger.execute_update(Ledger.ask, "update") == "update"
    assert await result(ledger) == ["update"]
    assert len(desk.written) > 1
    assert set(desk.written) == {"update"}


async def test_the_task_that_ends_a_workflow_can_be_lost_alone(desk: Desk) -> None:
    ledger = await desk.begin()
    plan = desk.proxy.next_task(Fault.FAILED, ledger.id, said(COMPLETED))
    await ledger.signal(Ledger.tell, "one")
    await until(lambda: desk.written == ["one"])
    assert not plan.hit.is_set()
    await ledger.signal(Ledger.end)
    await plan.hit.wait()
    assert await result(ledger) == ["one"]


async def test_another_workflow_keeps_its_tasks(desk: Desk) -> None:
    hit, spared = await desk.begin(), await desk.begin()
    desk.proxy.next_task(Fault.FAILED, hit.id)
    await spared.signal(Ledger.tell, "spared")
    assert await result(spared) == ["spared"]
    assert desk.written == ["spared"]
    assert not desk.proxy.lost


async def test_a_cold_cache_replays_every_task(temporal_client: Client) -> None:
    async with desk_before(temporal_client) as desk, desk.worker(cold_worker):
        ledger = await desk.begin()
        for number in "123":
            await ledger.signal(Ledger.tell, number)
            await until(lambda: number in desk.written)  # noqa: B023
        desk.proxy.next_task(Fault.FAILED, ledger.id)
        assert await result(ledger) == ["1", "2", "3"]
    assert desk.proxy.lost == {Fault.FAILED: 1}
    assert desk.proxy.tasks.whole_histories == desk.proxy.completions
