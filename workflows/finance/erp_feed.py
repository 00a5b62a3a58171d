"""The feed of an ERP: what belongs to no order goes to it in bulk, within seconds, each row counted once."""

from temporalio import workflow

from schemas.finance.erp_feed import ErpFeedReport, ErpFeedRun
from workflows.runtime.policies import FEED_CYCLES_PER_RUN, FEED_RUN, FEED_SILENCE


@workflow.defn(name="StockFeed")
class StockFeedWorkflow:
    """One feed per ERP that owns stock. Id: `stock/<erp>`. It never ends; it continues as new."""

    @workflow.run
    async def run(self, run: ErpFeedRun) -> None:
        """Feed, again and again. While the ERP is down the activity retries and the buffer table grows."""
        total = ErpFeedReport()
        for _ in range(FEED_CYCLES_PER_RUN):
            report = await _feed(run)
            total = ErpFeedReport(
                rows=total.rows + report.rows, calls=total.calls + report.calls, refused=total.refused + report.refused
            )
            workflow.set_current_details(
                f"**{total.rows}** rows told to {run.erp} in **{total.calls}** calls, **{total.refused}** refused"
            )
        workflow.continue_as_new(run.model_copy(update={"cycles": run.cycles + FEED_CYCLES_PER_RUN}))


async def _feed(run: ErpFeedRun) -> ErpFeedReport:
    """Tell the ERP what is owed to it, for a while."""
    report: ErpFeedReport = await workflow.execute_activity(
        "erp.feed",
        run,
        result_type=ErpFeedReport,
        task_queue="erp",
        start_to_close_timeout=FEED_RUN.attempt,
        heartbeat_timeout=FEED_SILENCE,
        retry_policy=FEED_RUN.retry,
        summary=f"stock, forecasts and freight for {run.erp}",
    )
    return report
