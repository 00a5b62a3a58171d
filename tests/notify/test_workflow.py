"""The workflow of notices: one dispatching activity after another, adding up, continued as new."""

from uuid import uuid4

import pytest
from temporalio import activity
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from schemas.cases.notifications import NoticesReport, NoticesRun
from schemas.queues import NOTIFY_QUEUE
from tests.stack.standins import until
from workflows.cases.notices import NoticesWorkflow
from workflows.runtime import singleton


async def test_it_dispatches_again_and_again_and_continues_as_new(
    temporal_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(singleton, "FEED_CYCLES_PER_RUN", 2)
    queue = f"notices-{uuid4()}"
    runs: list[int] = []

    @activity.defn(name="notify.dispatch")
    async def dispatch(run: NoticesRun) -> NoticesReport:
        runs.append(run.cycles)
        if len(runs) == 1:
            raise RuntimeError("the database is away")
        return NoticesReport(messages=1, notices=2)

    worker = Worker(
        temporal_client,
        task_queue=queue,
        workflows=[NoticesWorkflow],
        workflow_runner=UnsandboxedWorkflowRunner(),
    )
    async with worker, Worker(temporal_client, task_queue=NOTIFY_QUEUE, activities=[dispatch]):
        started = await temporal_client.start_workflow(
            NoticesWorkflow.run, NoticesRun(shard=7), id=f"{NoticesRun(shard=7).workflow_id}-{queue}", task_queue=queue
        )
        await until(lambda: len(runs) >= 6)
        first = await temporal_client.get_workflow_handle(started.id, run_id=started.first_execution_run_id).describe()
        assert first.status is WorkflowExecutionStatus.CONTINUED_AS_NEW
        await temporal_client.get_workflow_handle(started.id).terminate()
    assert runs[:6] == [0, 0, 0, 2, 2, 4], "the failed run was tried again; the cycles are carried on"


def test_ids() -> None:
    assert NoticesRun().workflow_id == "notices/0"
