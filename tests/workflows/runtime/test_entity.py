"""The runtime of entities, by a toy: inputs once, lost tasks, what a run hands over, deadlines, refusals, the end."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest_asyncio
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.exceptions import ApplicationError

from schemas.messaging.effects import Effect
from schemas.orders.milestones import MilestoneEvent
from schemas.orders.milestones import MilestoneKind as M
from tests.faults.chances import Fault
from tests.faults.losing import address_of, through
from tests.faults.tasks import ran
from tests.faults.temporal_proxy import task_faults
from tests.stack.standins import until
from tests.workflows.conftest import server
from tests.workflows.runtime.toy import HeldStep, Toy, ToyState, ToyWorld, toy_world
from tests.workflows.told import named
from tests.workflows.views import most_at_once

SUGGESTED_AFTER = 12
"""Events of a history after which the server suggests to continue as new."""


@pytest_asyncio.fixture(scope="module")
async def client() -> AsyncIterator[Client]:
    """A server of its own."""
    async with server() as client:
        yield client


@pytest_asyncio.fixture
async def toy(client: Client) -> AsyncIterator[ToyWorld]:
    """A toy on it."""
    async with toy_world(client) as world:
        yield world


@pytest_asyncio.fixture(scope="module")
async def restless() -> AsyncIterator[Client]:
    """A server that wants short histories."""
    async with server(f"limit.historyCount.suggestContinueAsNew={SUGGESTED_AFTER}") as client:
        yield client


async def dead(effect: Effect) -> None:
    """A system that is away."""
    raise RuntimeError("away")


async def refusing(effect: Effect) -> None:
    """A system that says no."""
    raise ApplicationError("no", type="erp_rule", non_retryable=True)


# What is told


async def test_a_message_that_is_told_again_is_decided_once(toy: ToyWorld) -> None:
    handle = await toy.start()
    one, two = toy.report("one"), toy.report("two")
    await handle.signal(Toy.milestones, [one, one])
    await until(lambda: toy.heard == [one.id])
    await handle.signal(Toy.milestones, [one])
    await handle.signal(Toy.milestones, [two, one])
    await until(lambda: toy.heard == [one.id, two.id])
    await handle.signal(Toy.milestones, [toy.report("end", M.DELIVERED)])
    assert (await handle.result()).version == 3
    assert [step.version for step in toy.steps] == [1, 2, 3], "what was told again writes no step"
    assert [len(step.outcomes) for step in toy.steps] == [1, 1, 1]
    assert sorted(set(toy.done)) == [one.id, two.id]


async def test_the_repeat_of_a_lost_task_decides_the_same_then_what_came_behind(client: Client) -> None:
    async with (
        task_faults(address_of(client), seed=0) as faults,
        toy_world(await through(client, faults.address)) as toy,
    ):
        handle = await toy.start()
        one, two = toy.report("one"), toy.report("two")
        plan = faults.next_task(Fault.FAILED, handle.id, ran("toy.write"))
        held = HeldStep(toy)
        await handle.signal(Toy.milestones, [one])
        await held.begun.wait()
        await handle.signal(Toy.milestones, [two])
        held.let_go()
        await plan.hit.wait()
        await until(lambda: toy.heard == [one.id, two.id])
        await handle.signal(Toy.milestones, [toy.report("end", M.DELIVERED)])
        await handle.result()
    lost, *repeats = toy.written
    assert (lost.version, lost.base, lost.record.state.heard) == (1, 0, (one.id,))
    again = next(step for step in repeats if step.version >= lost.version)
    assert again.base == lost.base, "what the lost task wrote is written again, upon what was before it"
    assert again.outcomes[0] == lost.outcomes[0]
    assert set(lost.record.owed) <= set(again.record.owed), "the same effects under the same keys"
    assert again.task.kept == 0, "the lost step was never confirmed"
    assert toy.written[-1].task.kept == 2, "a step of a later task confirms those before it"
    assert sorted(set(toy.done)) == [one.id, two.id]


# What a run hands over


async def test_it_continues_as_new_only_when_everything_is_decided(restless: Client) -> None:
    async with toy_world(restless) as toy:
        handle = await toy.start()
        toy.carrying = dead
        names = []
        for number in range(4):
            held = HeldStep(toy)
            await handle.signal(Toy.milestones, [toy.report(f"first-{number}")])
            await held.begun.wait()
            behind = [toy.report(f"behind-{number}-{n}") for n in range(3)]
            for report in behind:
                await handle.signal(Toy.milestones, [report])
            held.let_go()
            names += [toy.report(f"first-{number}").id, *(it.id for it in behind)]
            await until(lambda: toy.heard == names)  # noqa: B023 - awaited at once
        runs = await toy.runs()
        assert len(runs) > 1
        assert [run.run for run in runs] == list(range(1, len(runs) + 1))
        for run in runs[1:]:
            assert run.state
            assert list(run.state.heard) == names[: len(run.state.heard)], "a run begins where the one before it ended"
            assert run.state.version == len(run.state.heard)
            owed = [effect.key.removeprefix(f"{toy.key}/") for effect in run.owed]
            assert owed == names[: len(owed)] == list(run.state.heard), "what nobody has taken is owed by the next run"
        await handle.signal(Toy.milestones, [toy.report("first-0"), toy.report("behind-3-2")])
        toy.carrying = None
        end = toy.report("end", M.DELIVERED)
        await handle.signal(Toy.milestones, [end])
        state = await restless.get_workflow_handle(handle.id, result_type=ToyState).result()
        assert list(state.heard) == [*names, end.id], "nothing was lost between runs, and nothing heard twice"
        assert list(dict.fromkeys(toy.done)) == names


async def test_work_beside_the_story_holds_up_the_next_run_and_no_input(restless: Client) -> None:
    async with toy_world(restless) as toy:
        toy.beside.clear()
        handle = await toy.start()
        pack = toy.report("pack", M.PACKED)
        await handle.signal(Toy.milestones, [pack])
        picks = [toy.report(f"pick-{number}") for number in range(SUGGESTED_AFTER)]
        for number, pick in enumerate(picks, 2):
            await handle.signal(Toy.milestones, [pick])
            await until(lambda: len(toy.heard) == number)  # noqa: B023 - awaited at once
        assert len(await toy.runs()) == 1, "a new run would have lost what is done beside"
        toy.beside.set()

        async def renewed() -> bool:
            return len(await toy.runs()) > 1

        await until(renewed)
        [_, begun, *_] = await toy.runs()
        assert begun.state
        assert list(begun.state.heard) == [pack.id, *(pick.id for pick in picks)]
        assert begun.history == (f"beside {pack.id}",)
        await handle.signal(Toy.milestones, [toy.report("end", M.DELIVERED)])
        await restless.get_workflow_handle(handle.id, result_type=ToyState).result()
        assert list(dict.fromkeys(toy.done)) == [pick.id for pick in picks]


async def test_a_run_that_is_over_ends_although_a_new_one_is_suggested(restless: Client) -> None:
    async with toy_world(restless) as toy:
        handle = await toy.start()
        held = HeldStep(toy)
        await handle.signal(Toy.milestones, [toy.report("first")])
        await held.begun.wait()
        for number in range(SUGGESTED_AFTER):
            await handle.signal(Toy.milestones, [toy.report(f"more-{number}", M.SHIPPED)])
        await handle.signal(Toy.milestones, [toy.report("end", M.DELIVERED)])
        held.let_go()
        await handle.result()
        last = (await toy.runs())[-1]
        assert not (last.state and last.state.ended), "no run begins when all has ended"


# Deadlines


async def test_an_earlier_deadline_arms_the_timer_anew_and_a_passed_one_may_come_again(toy: ToyWorld) -> None:
    handle = await toy.start()

    def later(name: str, seconds: float) -> MilestoneEvent:
        return toy.report(name, M.DELAYED, eta=datetime.now(UTC) + timedelta(seconds=seconds))

    await handle.signal(Toy.milestones, [later("far", 3600)])
    await until(lambda: len(toy.heard) == 1)
    await handle.signal(Toy.milestones, [later("farther", 7200)])
    await until(lambda: len(toy.heard) == 2)
    await handle.signal(Toy.milestones, [later("soon", 0.3)])
    await until(lambda: bool(toy.written) and toy.written[-1].record.state.passed == 1)
    await handle.signal(Toy.milestones, [later("again", 0.3)])
    await until(lambda: toy.written[-1].record.state.passed == 2)
    history = named(await handle.fetch_history())
    names = [name for name, _ in history]
    assert names.count("TIMER_CANCELED") >= 1
    assert most_at_once(history) == 1, "one timer, whatever is awaited"
    passing = [step for step in toy.steps if not step.outcomes]
    assert [step.record.state.passed for step in passing] == [1, 2], "a deadline is a step of its own"
    await handle.signal(Toy.milestones, [toy.report("end", M.DELIVERED)])
    await handle.result()


# What systems answer, and the end


async def test_what_a_system_refuses_joins_after_the_inputs_and_does_not_hold_up_the_end(toy: ToyWorld) -> None:
    toy.carrying = refusing
    handle = await toy.start()
    one = toy.report("one")
    await handle.signal(Toy.milestones, [one])

    async def refused() -> bool:
        return bool(await handle.query(Toy.timeline))

    await until(refused)
    assert await handle.query(Toy.timeline) == [f"{toy.key}/{one.id} refused by erp_rule at version 1"]
    await handle.signal(Toy.milestones, [toy.report("end", M.DELIVERED)])
    await handle.result()


async def test_it_does_not_end_while_anything_is_owed(toy: ToyWorld) -> None:
    attempts = 0

    async def away(effect: Effect) -> None:
        nonlocal attempts
        attempts += 1
        raise RuntimeError("away")

    toy.carrying = away
    handle = await toy.start()
    await handle.signal(Toy.milestones, [toy.report("one"), toy.report("end", M.DELIVERED)])
    await until(lambda: attempts >= 3)
    assert (await handle.describe()).status is WorkflowExecutionStatus.RUNNING
    assert toy.written[-1].ended, "although its last step is written"
    toy.carrying = None
    async with asyncio.timeout(60):
        await handle.result()
    assert toy.done == [toy.report("one").id]
