"""The workflow of the keeper: one activity after another, continued as new."""

from uuid import uuid4

import pytest
from temporalio import activity
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from schemas.inventory.promising import PromisingReport, PromisingRun
from schemas.queues import PROMISING_QUEUE
from tests.stack.standins import until
from workflows.inventory.promising import PromisingWorkflow
from workflows.runtime import singleton


async def test_it_looks_again_and_again_and_continues_as_new(
    temporal_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(singleton, "FEED_CYCLES_PER_RUN", 2)
    queue = f"keeper-{uuid4()}"
    runs: list[int] = []

    @activity.defn(name="promising.keep")
    async def keep(run: PromisingRun) -> PromisingReport:
        runs.append(run.cycles)
        if len(runs) == 1:
            raise RuntimeError("the database is away")
        return PromisingReport(items=1)

    run = PromisingRun(shard=7)
    runner = UnsandboxedWorkflowRunner()
    worker = Worker(temporal_client, task_queue=queue, workflows=[PromisingWorkflow], workflow_runner=runner)
    async with worker, Worker(temporal_client, task_queue=PROMISING_QUEUE, activities=[keep]):
        started = await temporal_client.start_workflow(
            PromisingWorkflow.run, run, id=f"{run.workflow_id}-{queue}", task_queue=queue
        )
        await until(lambda: len(runs) >= 5)
        first = await temporal_client.get_workflow_handle(started.id, run_id=started.first_execution_run_id).describe()
        assert first.status is WorkflowExecutionStatus.CONTINUED_AS_NEW
        await temporal_client.get_workflow_handle(started.id).terminate()
    assert runs[:5] == [0, 0, 0, 2, 2], "the failed run was tried again; the cycles are carried on"
    assert PromisingRun().workflow_id == "promising/0"
