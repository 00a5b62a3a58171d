"""A never-ending workflow: it adds up what its activity does, outlives its failures, and continues as new."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import pytest
from temporalio import activity, workflow
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowFailureError, WorkflowHandle
from temporalio.exceptions import ApplicationError
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from schemas.planning.feeds import FeedReport, FeedRun
from tests.stack.standins import until
from workflows.runtime import singleton
from workflows.runtime.singleton import Singleton, added

QUEUE = "toy-singleton"
COUNTER = Singleton[FeedRun, FeedReport](
    activity="toy.count",
    queue=QUEUE,
    report=FeedReport,
    summary=lambda run: run.name,
    page=lambda run, total: f"{run.name}: {total.deltas} in {total.calls}",
)


@workflow.defn(name="ToySingleton")
class ToySingleton:
    """A counter for ever."""

    @workflow.run
    async def run(self, run: FeedRun) -> None:
        """Count."""
        await COUNTER.run(run)


@asynccontextmanager
async def counting(
    client: Client, attempt: Callable[[FeedRun], FeedReport]
) -> AsyncIterator[WorkflowHandle[Any, None]]:
    """The toy runs, and each run of its activity is `attempt`."""

    @activity.defn(name="toy.count")
    async def count(run: FeedRun) -> FeedReport:
        return attempt(run)

    worker = Worker(
        client,
        task_queue=QUEUE,
        workflows=[ToySingleton],
        activities=[count],
        workflow_runner=UnsandboxedWorkflowRunner(),
    )
    async with worker:
        yield await client.start_workflow(
            ToySingleton.run, FeedRun(region="EMEA"), id=f"toy/{uuid4()}", task_queue=QUEUE
        )


async def test_it_keeps_its_loop_through_failures_and_carries_the_count_of_runs_over(
    temporal_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(singleton, "FEED_CYCLES_PER_RUN", 2)
    seen: list[FeedRun] = []

    def attempt(run: FeedRun) -> FeedReport:
        seen.append(run)
        if len(seen) == 2:
            raise RuntimeError("the system is away")
        return FeedReport(deltas=3, calls=1)

    async with counting(temporal_client, attempt) as handle:
        await until(lambda: len(seen) >= 6)
        first = temporal_client.get_workflow_handle(handle.id, run_id=handle.first_execution_run_id)
        assert (await first.describe()).status is WorkflowExecutionStatus.CONTINUED_AS_NEW
        assert (await temporal_client.get_workflow_handle(handle.id).describe()).status is (
            WorkflowExecutionStatus.RUNNING
        )
        await temporal_client.get_workflow_handle(handle.id).terminate()
    assert [run.cycles for run in seen[:6]] == [0, 0, 0, 2, 2, 4], "a failed run is tried again, and counts once"
    assert {run.region for run in seen} == {"EMEA"}, "the scope is carried over"


async def test_its_page_adds_up_what_was_done(temporal_client: Client) -> None:
    done: list[FeedRun] = []

    def attempt(run: FeedRun) -> FeedReport:
        done.append(run)
        if len(done) > 3:
            raise RuntimeError("the system is away")
        return FeedReport(deltas=len(done), calls=1)

    async with counting(temporal_client, attempt) as handle:
        await until(lambda: len(done) > 3)
        described = await handle.query("__temporal_workflow_metadata")
        assert described.current_details == "EMEA/0: 6 in 3"
        await handle.terminate()


async def test_a_failure_that_is_not_to_be_retried_is_reported_as_the_end_of_the_workflow(
    temporal_client: Client,
) -> None:
    def attempt(run: FeedRun) -> FeedReport:
        raise ApplicationError("no such region", type="erp_rule", non_retryable=True)

    async with counting(temporal_client, attempt) as handle:
        with pytest.raises(WorkflowFailureError) as failed:
            await handle.result()
    assert "no such region" in str(failed.value.cause.__cause__)


def test_reports_are_added_count_by_count() -> None:
    assert added(FeedReport(deltas=2, calls=1), FeedReport(deltas=5)) == FeedReport(deltas=7, calls=1)
