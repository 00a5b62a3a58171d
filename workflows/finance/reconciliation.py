"""Reconciliation with one system: compare, and keep one case of the differences until they are cured.

    schedule --> compare --> nothing new: end
                    |
                    +--> findings: open the case, or tell the open one
                    +--> no findings any more: tell the open one that it is cured

A Temporal Schedule starts the runs.
"""

from temporalio import workflow
from temporalio.exceptions import FailureError, WorkflowAlreadyStartedError, is_cancelled_exception

from schemas.cases.cases import CaseNews, CaseStart
from schemas.finance.reconciliation import ReconcileReport, ReconcileRun
from schemas.queues import RECONCILE_QUEUE
from workflows.cases import case_steps
from workflows.runtime.timeouts_and_retries import RECONCILE, RECONCILE_SILENCE


@workflow.defn(name="Reconciliation")
class ReconciliationWorkflow:
    """One run. Id: `reconcile/<system>/<target>`, so that runs of a system never overlap; a Schedule starts it."""

    @workflow.run
    async def run(self, run: ReconcileRun) -> ReconcileReport:
        """Compare, then open the case for what is real, feed it, or tell it that all is well."""
        report = await _compare(run)
        workflow.set_current_details(
            f"**{report.compared}** figures compared with {run.system} {run.target}: **{report.differences}** differ, "
            f"{report.explained} explained, {report.waiting} waiting, {len(report.findings)} in a case"
        )
        if not report.reported:
            await _tell(run, report)
        return report


async def _compare(run: ReconcileRun) -> ReconcileReport:
    report: ReconcileReport = await workflow.execute_activity(
        f"reconciliation.{run.activity}",
        run,
        result_type=ReconcileReport,
        task_queue=RECONCILE_QUEUE,
        start_to_close_timeout=RECONCILE.attempt,
        heartbeat_timeout=RECONCILE_SILENCE,
        retry_policy=RECONCILE.retry,
        summary=f"compare with {run.system} {run.target}",
    )
    return report


async def _tell(run: ReconcileRun, report: ReconcileReport) -> None:
    """Open the case, or tell the open one what there is now: nothing any more means cured."""
    start = CaseStart(
        order=run.case_order,
        kind=run.case_kind,
        number=report.number,
        findings=report.findings,
        opened_at=workflow.now(),
        policy=report.policy,
        site=run.target if run.system == "wms" else "",
        region=run.target if run.system == "planning" else "",
    )
    if report.findings:
        try:
            await case_steps.open_case(start)
        except WorkflowAlreadyStartedError:
            workflow.logger.info("the case is open", extra={"case": start.id})
        else:
            return
    try:
        handle = workflow.get_external_workflow_handle(start.workflow_id)
        await handle.signal("news", CaseNews(findings=report.findings, at=workflow.now()))
    except FailureError as error:
        if is_cancelled_exception(error):
            raise
        workflow.logger.info("the case has just ended: the next run opens another one", extra={"case": start.id})
