"""The re-plan governor of a region: what changes materially becomes a proposal, once it has come to rest."""

from temporalio import workflow

from schemas.planning.governor import GovernorReport, GovernorRun
from workflows.finance.reconciliation import RECONCILE_QUEUE
from workflows.runtime.policies import FEED_CYCLES_PER_RUN, FEED_RUN, FEED_SILENCE


@workflow.defn(name="Governor")
class GovernorWorkflow:
    """One governor per region. Id: `governor/<region>`. It never ends; it continues as new."""

    @workflow.run
    async def run(self, run: GovernorRun) -> None:
        """Govern, again and again."""
        proposed = expired = 0
        for _ in range(FEED_CYCLES_PER_RUN):
            report = await _govern(run)
            proposed, expired = proposed + report.proposed, expired + report.expired
            workflow.set_current_details(f"**{proposed}** re-plans of {run.region} proposed, **{expired}** expired")
        workflow.continue_as_new(run.model_copy(update={"cycles": run.cycles + FEED_CYCLES_PER_RUN}))


async def _govern(run: GovernorRun) -> GovernorReport:
    report: GovernorReport = await workflow.execute_activity(
        "governor.govern",
        run,
        result_type=GovernorReport,
        task_queue=RECONCILE_QUEUE,
        start_to_close_timeout=FEED_RUN.attempt,
        heartbeat_timeout=FEED_SILENCE,
        retry_policy=FEED_RUN.retry,
        summary=f"re-plans of {run.region}",
    )
    return report
