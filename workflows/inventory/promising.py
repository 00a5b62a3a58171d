"""Promises kept in step with stock and supply, for as long as the system runs."""

from temporalio import workflow

from schemas.inventory.promising import PromisingReport, PromisingRun
from workflows.runtime.policies import FEED_CYCLES_PER_RUN, FEED_RUN, FEED_SILENCE

PROMISING_QUEUE = "promising"


@workflow.defn(name="Promising")
class PromisingWorkflow:
    """The keeper of promises. Id: `promising/<shard>`. It never ends; it continues as new."""

    @workflow.run
    async def run(self, run: PromisingRun) -> None:
        """Look at what has changed, again and again."""
        items = redated = 0
        for _ in range(FEED_CYCLES_PER_RUN):
            report = await _keep(run)
            items, redated = items + report.items, redated + report.redated
            workflow.set_current_details(f"**{items}** items looked at, **{redated}** orders told of another day")
        workflow.continue_as_new(run.model_copy(update={"cycles": run.cycles + FEED_CYCLES_PER_RUN}))


async def _keep(run: PromisingRun) -> PromisingReport:
    report: PromisingReport = await workflow.execute_activity(
        "promising.keep",
        run,
        result_type=PromisingReport,
        task_queue=PROMISING_QUEUE,
        start_to_close_timeout=FEED_RUN.attempt,
        heartbeat_timeout=FEED_SILENCE,
        retry_policy=FEED_RUN.retry,
        summary="stock and supply that have changed",
    )
    return report
