"""Runs of reconciliation whose histories are kept: one opens the case of what it found, the next one tells it."""

from temporalio import activity, workflow
from temporalio.client import Client, WorkflowHistory
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from domain.cases.escalation_policies import CASE_POLICIES
from schemas.cases.cases import CaseNews, CaseStart, Finding
from schemas.cases.exceptions import ExceptionKind
from schemas.finance.reconciliation import ReconcileReport, ReconcileRun
from schemas.queues import RECONCILE_QUEUE
from workflows.finance.reconciliation import ReconciliationWorkflow
from workflows.runtime.timeouts_and_retries import TASK_TIMEOUT

RUN = ReconcileRun(system="wms", target="LYS")


@workflow.defn(name="ExceptionCase")
class StandInCase:
    """A case that is open until it hears news."""

    def __init__(self) -> None:
        self._heard = False

    @workflow.run
    async def run(self, start: CaseStart) -> None:
        """Wait."""
        await workflow.wait_condition(lambda: self._heard)

    @workflow.signal
    def news(self, news: CaseNews) -> None:
        """Hear."""
        self._heard = True


@activity.defn(name="reconciliation.compare")
async def found(run: ReconcileRun) -> ReconcileReport:
    """A difference that no case knows."""
    kind = ExceptionKind.STOCK_DIFFERENCE
    finding = Finding(kind=kind, subject="A @ site:LYS", summary="quantity: ours 60, theirs 57")
    return ReconcileReport(
        compared=1, differences=1, number=1, findings=(finding,), reported=False, policy=CASE_POLICIES[kind]
    )


async def reconciled(client: Client) -> dict[str, WorkflowHistory]:
    """Two runs, one after the other, as a Schedule makes them."""
    lived = {}
    runner = UnsandboxedWorkflowRunner()
    async with (
        Worker(client, task_queue="orders", workflows=[ReconciliationWorkflow, StandInCase], workflow_runner=runner),
        Worker(client, task_queue=RECONCILE_QUEUE, activities=[found]),
    ):
        for part in ("", ".told"):
            handle = await client.start_workflow(
                "Reconciliation", RUN, id=RUN.workflow_id, task_queue="orders", task_timeout=TASK_TIMEOUT
            )
            await handle.result()
            lived[part] = await handle.fetch_history()
    return lived
