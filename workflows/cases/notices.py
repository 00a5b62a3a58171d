"""Alerts and customer messages: what is asked for in the outbox of notices goes out, each under its key."""

from temporalio import workflow

from schemas.cases.notifications import NoticesReport, NoticesRun
from workflows.runtime.policies import FEED_CYCLES_PER_RUN, FEED_RUN, FEED_SILENCE

NOTIFY_QUEUE = "notify"


@workflow.defn(name="Notices")
class NoticesWorkflow:
    """The dispatcher of notices. Id: `notices/<shard>`. It never ends; it continues as new."""

    @workflow.run
    async def run(self, run: NoticesRun) -> None:
        """Dispatch, again and again. While a channel is down its notices wait in the outbox; the others go on."""
        total = NoticesReport()
        for _ in range(FEED_CYCLES_PER_RUN):
            report = await _dispatch(run)
            total = NoticesReport(
                letters=total.letters + report.letters,
                notices=total.notices + report.notices,
                given_up=total.given_up + report.given_up,
                failures=total.failures + report.failures,
            )
            workflow.set_current_details(
                f"**{total.notices}** notices sent in **{total.letters}** letters; "
                f"**{total.given_up}** given up, **{total.failures}** attempts failed"
            )
        workflow.continue_as_new(run.model_copy(update={"cycles": run.cycles + FEED_CYCLES_PER_RUN}))


async def _dispatch(run: NoticesRun) -> NoticesReport:
    report: NoticesReport = await workflow.execute_activity(
        "notify.dispatch",
        run,
        result_type=NoticesReport,
        task_queue=NOTIFY_QUEUE,
        start_to_close_timeout=FEED_RUN.attempt,
        heartbeat_timeout=FEED_SILENCE,
        retry_policy=FEED_RUN.retry,
        summary="alerts and customer messages",
    )
    return report
