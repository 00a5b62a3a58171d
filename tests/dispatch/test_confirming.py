"""A step is confirmed when the server has kept its task, and not before; looks are few."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import pytest
from temporalio import workflow
from temporalio.client import Client
from temporalio.testing import ActivityEnvironment
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, UnsandboxedWorkflowRunner, Worker

from dispatch.confirming import EXPECTED_MOST_S, EXPECTED_S, Confirmer
from dispatch.expecting import Expecting
from dispatch.ports import TaskKept
from dispatch.temporal.history import HistoryReader
from schemas.workflows.records import StepRecord
from schemas.workflows.steps import InputOutcome, WorkflowStep
from store.engine import Connection
from store.messaging import heads
from store.messaging.heads import Provisional
from store.messaging.history_checks import QUIET_S
from store.orders import steps
from tests import written
from tests.dispatch.conftest import Desk
from tests.store.rows import SHIPPED


async def stepped(desk: Desk, *, version: int = 3, at: int = 9) -> int:
    """A provisional step of order SO-1 that decides on a message; the id of the message."""
    known = await desk.rows("SELECT key FROM order_view")
    key = known[0]["key"] if known else await desk.order("SO-1")
    [message] = await desk.accept("erp-one", b"{}", kind="order.cancel", external_id=f"c{version}")
    record = written.but(SHIPPED, order=key, effects=(), lines=(), version=version)
    outcome = InputOutcome(
        event_id=f"cancel c{version}", inbox_id=message, version=version, answer={"done": "cancelled"}
    )
    await steps.write(desk.database, written.step(record, outcomes=[outcome], at=at))
    await aged(desk, QUIET_S)
    return message


async def aged(desk: Desk, seconds: float) -> None:
    """So long ago was everything written and looked at."""
    past = f"interval '{seconds} s'"
    await desk.rows(f"UPDATE head SET written_at = written_at - {past}, looked_at = looked_at - {past} RETURNING 1")


async def test_what_was_kept_is_confirmed_and_its_messages_are_settled(desk: Desk) -> None:
    message = await stepped(desk)
    assert (await desk.message(message))["state"] == "received"
    assert await Confirmer(desk.database, desk.handoff.kept).sweep() == 1
    row = await desk.message(message)
    assert (row["state"], row["answer"]) == ("applied", {"done": "cancelled"})
    assert await desk.rows("SELECT 1 FROM outcome") == []
    assert await Confirmer(desk.database, desk.handoff.kept).sweep() == 0
    assert len(desk.handoff.looks) == 1


@pytest.mark.parametrize("kept", [TaskKept.NOT_YET, TaskKept.LOST, TaskKept.AWAY])
async def test_what_was_not_kept_stays_provisional_and_is_looked_at_less_and_less(desk: Desk, kept: TaskKept) -> None:
    message, desk.handoff.keeps = await stepped(desk), kept
    confirmer = Confirmer(desk.database, desk.handoff.kept)
    looked = []
    for _ in range(12):
        looked.append(await confirmer.sweep())
        await aged(desk, 0.5)
    assert (await desk.message(message))["state"] == "received"
    assert looked == [1, 1, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0], "after 0.5, 1, 2, ... seconds"
    await stepped(desk, version=4, at=12)
    assert await confirmer.sweep() == 1, "a new step is looked at at once"


async def test_a_young_step_is_left_to_the_next_one(desk: Desk) -> None:
    await stepped(desk)
    await desk.rows("UPDATE head SET written_at = clock_timestamp() + interval '1 minute' RETURNING 1")
    assert await Confirmer(desk.database, desk.handoff.kept).sweep() == 0


def decided(version: int, *, at: int = 9, kept: int = 0, verdicts: bool = True) -> WorkflowStep[StepRecord]:
    """A step of order SO-1, with a verdict or without."""
    record = written.but(SHIPPED, order="erp-one/SO-1", effects=(), lines=(), version=version)
    outcomes = [InputOutcome(event_id=f"e{version}", inbox_id=0, version=version)] if verdicts else []
    return written.step(record, outcomes=outcomes, at=at, kept=kept)


class Expected:
    """A confirmer with a clock of its own."""

    def __init__(self, desk: Desk) -> None:
        self.now = 0.0
        self.confirmer = Confirmer(desk.database, desk.handoff.kept, lambda: self.now)

    async def after(self, seconds: float) -> None:
        """So many seconds later the process looks at what it expects."""
        self.now += seconds
        await asyncio.gather(*self.confirmer.look_for_expected())


async def test_the_process_that_wrote_a_step_looks_first_and_asks_nobody(desk: Desk) -> None:
    message = await stepped(desk)
    [step] = await desk.rows("SELECT run, run_id, task, version FROM head")
    expected = Expected(desk)
    confirmer = expected.confirmer
    confirmer.expect(decided(3))
    assert confirmer.look_for_expected() == set(), "its task goes on"
    assert desk.handoff.looks == []
    await expected.after(EXPECTED_S)
    assert [vars(it) for it in desk.handoff.looks] == [{"workflow_id": "order/erp-one/SO-1", **step}]
    assert (await desk.message(message))["state"] == "applied"
    await expected.after(60)
    assert len(desk.handoff.looks) == 1


async def test_an_expected_step_is_looked_at_again_and_then_left_to_the_sweep(desk: Desk) -> None:
    await stepped(desk)
    desk.handoff.keeps, looks = TaskKept.NOT_YET, list[int]()
    expected = Expected(desk)
    confirmer = expected.confirmer
    confirmer.expect(decided(3))
    for _ in range(8):
        await expected.after(EXPECTED_MOST_S)
        looks.append(len(desk.handoff.looks))
    assert looks == [1, 2, 3, 4, 5, 5, 5, 5]
    desk.handoff.keeps = TaskKept.YES
    assert await confirmer.sweep() == 1
    assert await desk.rows("SELECT 1 FROM outcome") == []


async def test_only_steps_that_messages_wait_for_are_expected(desk: Desk) -> None:
    expected = Expected(desk)
    confirmer = expected.confirmer
    told = [
        (decided(3, verdicts=False),),  # nobody waits
        (decided(3), decided(4, at=14, kept=3, verdicts=False)),  # the second confirms the first
        (decided(3), decided(4, verdicts=False)),  # of one task: the newest stands for both
        (decided(3), decided(4, at=14, kept=3)),
    ]
    for steps_of in told:
        for it in steps_of:
            confirmer.expect(it)
        await expected.after(60)
    assert [it.version for it in desk.handoff.looks] == [4, 4]


async def test_under_load_a_step_that_nobody_asks_for_waits_for_the_next_one(desk: Desk) -> None:
    expected = Expected(desk)
    confirmer = expected.confirmer
    asked = decided(3)
    command = InputOutcome(event_id="c", inbox_id=0, version=3, answer={"done": "cancelled"})
    for n in range(60):
        task = asked.task.model_copy(update={"workflow": f"order/erp-one/SO-{n}"})
        confirmer.expect(asked.model_copy(update={"task": task}))
    for name, outcomes in (("late", asked.outcomes), ("asked", (command,))):
        task = asked.task.model_copy(update={"workflow": name})
        confirmer.expect(asked.model_copy(update={"task": task, "outcomes": outcomes}))
    await expected.after(EXPECTED_S)
    looked = [it.workflow_id for it in desk.handoff.looks]
    assert "asked" in looked
    assert "late" not in looked
    confirmer.expect(decided(4, kept=3).model_copy(update={"task": task.model_copy(update={"workflow": "late"})}))
    await expected.after(EXPECTED_MOST_S)
    assert [it.version for it in desk.handoff.looks if it.workflow_id == "late"] == [4]
    assert len(desk.handoff.looks) == 62


async def test_steps_that_were_kept_are_confirmed_together(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = await stepped(desk), await stepped(desk, version=4, at=12)
    found, confirm = list[int](), heads.confirm

    async def noted(connection: Connection, kept: Sequence[Provisional]) -> int:
        found.append(len(kept))
        await asyncio.sleep(0)
        return await confirm(connection, kept)

    monkeypatch.setattr(heads, "confirm", noted)
    [step] = await desk.rows("SELECT workflow_id, run, run_id, task, version FROM head")
    others = [Provisional(f"order/erp-one/SO-{n}", 1, "run-1", 3, 1) for n in range(2, 6)]
    confirmer = Confirmer(desk.database, desk.handoff.kept)
    assert await asyncio.gather(*(confirmer.confirm(it) for it in (Provisional(**step), *others))) == [TaskKept.YES] * 5
    assert sum(found) == 5
    assert len(found) < 5
    assert [(await desk.message(it))["state"] for it in (first, second)] == ["applied"] * 2


async def test_a_step_is_looked_at_when_the_last_call_of_its_task_has_ended(desk: Desk) -> None:
    await stepped(desk)
    expected = Expected(desk)
    confirmer = expected.confirmer
    confirmer.expect(decided(3))
    with confirmer.calling("order/erp-one/SO-1"), confirmer.calling("order/erp-one/SO-1"):
        await expected.after(60)
    assert confirmer.look_for_expected() == set(), "its task is about to end"
    assert desk.handoff.looks == []
    await expected.after(EXPECTED_S)
    assert len(desk.handoff.looks) == 1


async def test_the_worker_tells_what_its_activities_write(desk: Desk) -> None:
    expected = Expected(desk)
    confirmer = expected.confirmer

    class Wrote(ActivityInboundInterceptor):
        def __init__(self) -> None:
            self.fails = True

        async def execute_activity(self, input: ExecuteActivityInput) -> Any:
            if self.fails:
                raise OSError
            return "written"

    async def run(argument: object, *, fails: bool) -> list[int]:
        wrote.fails = fails
        given = ExecuteActivityInput(fn=print, args=[argument], executor=None, headers={})
        with suppress(OSError):
            assert await ActivityEnvironment().run(around.execute_activity, given) == "written"
        await expected.after(60)
        return [it.version for it in desk.handoff.looks]

    wrote = Wrote()
    around = Expecting(confirmer).intercept_activity(wrote)
    assert await run(decided(3), fails=True) == [], "what could not be written is not expected"
    assert await run("no step", fails=False) == []
    assert await run(decided(3), fails=False) == [3]


@workflow.defn(name="Failing")
class Failing:
    """Its first task fails as often as it is told; then it waits. It tells where its tasks began."""

    def __init__(self) -> None:
        self.began = list[int]()
        self.over = False

    @workflow.run
    async def run(self, fails: bool) -> list[int]:
        """Wait for the end."""
        self.began.append(workflow.info().get_current_history_length())
        if fails:
            raise RuntimeError("not kept")
        await workflow.wait_condition(lambda: self.over)
        return self.began

    @workflow.signal
    def end(self) -> None:
        """End."""
        self.began.append(workflow.info().get_current_history_length())
        self.over = True

    @workflow.signal
    def nothing(self) -> None:
        """Make the history longer."""


async def test_the_history_says_whether_a_task_was_kept(temporal_client: Client) -> None:
    history, queue = HistoryReader(temporal_client), "confirming"
    runner = UnsandboxedWorkflowRunner()
    async with Worker(temporal_client, task_queue=queue, workflows=[Failing], workflow_runner=runner):
        handle = await temporal_client.start_workflow("Failing", False, id="kept", task_queue=queue)
        run = handle.first_execution_run_id or ""
        for _ in range(30):
            await handle.signal("nothing")
        await handle.signal("end")
        first, last = await handle.result()

        def step(task: int, run_id: str = run, workflow_id: str = "kept") -> Provisional:
            return Provisional(workflow_id, 1, run_id, task, 1)

        assert await history.kept(step(last)) is TaskKept.YES
        assert history.calls == 1, "the end of a task is found on the first page"
        assert await history.kept(step(first)) is TaskKept.YES, "however far back"
        assert await history.kept(step(last + 20)) is TaskKept.NOT_YET, "a task that has not ended"
        assert await history.kept(step(first + 1)) is TaskKept.NOT_YET, "no task began there"
        lost = step(first, "11111111-1111-4111-8111-111111111111")
        assert await history.kept(lost) is TaskKept.LOST
        failing = await temporal_client.start_workflow("Failing", True, id="failing", task_queue=queue)

        async def failed() -> list[int]:
            events = [it async for it in failing.fetch_history_events()]
            return [it.event_id for it in events if it.HasField("workflow_task_failed_event_attributes")]

        while not (ends := await failed()):
            await asyncio.sleep(0.01)
        look = step(ends[0] - 1, failing.first_execution_run_id or "", "failing")
        assert await history.kept(look) is TaskKept.NOT_YET
        await failing.terminate()
