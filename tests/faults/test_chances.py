"""Losses by chance: seeded, limited, switched on and off; none at rate 0."""

import asyncio

import grpc
import pytest
from grpc import aio
from temporalio.api.workflowservice.v1 import RespondWorkflowTaskCompletedRequest
from temporalio.client import Client

from tests.faults.chances import MIX, Chances, Fault, Target
from tests.faults.conftest import Desk, Ledger, desk_before
from tests.faults.tasks import Completion, Task
from tests.faults.temporal_proxy import COMPLETE, task_faults
from tests.faults.wire import method
from tests.stack.standins import until

NAMES = [f"order/erp/{number}" for number in range(20)]


def fates(chances: Chances, names: list[str], tasks: int) -> dict[str, list[Fault | None]]:
    """What happens to so many tasks of each workflow."""
    nothing = RespondWorkflowTaskCompletedRequest()
    return {
        name: [chances.of_task(Completion(Task(name, "run", "Order"), nothing)) for _ in range(tasks)] for name in names
    }


def hits(found: dict[str, list[Fault | None]]) -> list[Fault]:
    """The faults among fates."""
    return [fault for each in found.values() for fault in each if fault]


def test_a_seed_repeats_its_choices_in_whatever_order_workflows_come() -> None:
    first = fates(Chances(seed=7, rate=0.15), NAMES, 50)
    assert fates(Chances(seed=7, rate=0.15), NAMES[::-1], 50) == first
    assert fates(Chances(seed=8, rate=0.15), NAMES, 50) != first


def test_the_rate_and_the_shares_are_kept() -> None:
    found = hits(fates(Chances(seed=1, rate=0.15), NAMES, 500))
    assert 0.13 < len(found) / 10_000 < 0.17
    assert set(found) == set(MIX)
    assert 0.84 < found.count(Fault.FAILED) / len(found) < 0.92
    assert set(hits(fates(Chances(seed=1, rate=1.0, mix={Fault.WITHHELD: 1.0}), NAMES, 5))) == {Fault.WITHHELD}


def test_only_what_is_chosen_is_hit() -> None:
    chances = Chances(seed=1, rate=1.0, answer_rate=1.0, only=lambda target: target.workflow_id.endswith("/3"))
    found = fates(chances, NAMES, 2)
    assert [name for name, each in found.items() if any(each)] == ["order/erp/3"]
    assert [name for name in NAMES if chances.of_answer(Target(name, ""))] == ["order/erp/3"]


def test_a_pause_spares_everything_but_what_is_planned() -> None:
    chances = Chances(seed=1, rate=1.0, answer_rate=1.0, paused=True)
    assert hits(fates(chances, NAMES, 2)) == []
    assert not chances.of_answer(Target(NAMES[0], ""))
    chances.paused = False
    assert len(hits(fates(chances, NAMES, 2))) == 40


async def told(desk: Desk, name: str) -> list[tuple[str, Fault]]:
    """The losses of a ledger that is told ten things, one after another."""
    ledger = await desk.begin(id=name)
    for number in range(10):
        await ledger.signal(Ledger.tell, str(number))
        await until(lambda: len(set(desk.written)) > number)  # noqa: B023
    await ledger.signal(Ledger.end)
    async with asyncio.timeout(60):
        assert await ledger.result() == [str(number) for number in range(10)]
    return [hit for hit in desk.proxy.hits if hit[0] == name]


async def test_under_losses_by_chance_everything_is_told_in_order(temporal_client: Client) -> None:
    async with desk_before(temporal_client, rate=0.4, seed=3, mix={Fault.FAILED: 1.0}) as desk, desk.worker():
        assert len(await told(desk, "ledger-by-chance")) >= 2
        assert desk.proxy.lost[Fault.FAILED] == len(desk.proxy.hits)
        assert len(desk.written) > 10


async def test_rate_zero_changes_nothing(desk: Desk) -> None:
    assert await told(desk, "ledger-in-peace") == []
    assert desk.written == [str(number) for number in range(10)]
    assert desk.proxy.completions >= 10
    assert not desk.proxy.lost


async def test_a_repeated_call_meets_the_same_fate_and_is_counted_once() -> None:
    request = RespondWorkflowTaskCompletedRequest(task_token=b"a task").SerializeToString()
    nowhere = "127.0.0.1:1"
    async with (
        task_faults(nowhere, seed=1, rate=1.0, mix={Fault.REJECTED: 1.0}) as proxy,
        aio.insecure_channel(proxy.address) as channel,
    ):
        for _ in range(2):
            with pytest.raises(aio.AioRpcError) as error:
                await method(channel, COMPLETE)(request)
            assert error.value.code() is grpc.StatusCode.NOT_FOUND
            proxy.pause()  # the second call would not be hit by itself
        assert (proxy.completions, proxy.lost) == (1, {Fault.REJECTED: 1})
