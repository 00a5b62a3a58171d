"""The planning feed: movements go to planning in bulk, within seconds, each counted once."""

from temporalio import workflow

from schemas.planning.feeds import FeedRun
from workflows.runtime import steps
from workflows.runtime.policies import FEED_CYCLES_PER_RUN


@workflow.defn(name="PlanningFeed")
class PlanningFeedWorkflow:
    """One feed per planning system and shard. Id: `planning/<name>/<shard>`. It never ends; it continues as new."""

    @workflow.run
    async def run(self, run: FeedRun) -> None:
        """Feed, again and again. While planning is down the activity retries and the buffer table grows."""
        sent = calls = 0
        for _ in range(FEED_CYCLES_PER_RUN):
            report = await steps.feed_planning(run)
            sent, calls = sent + report.deltas, calls + report.calls
            workflow.set_current_details(f"**{sent}** movements of {run.name} sent in **{calls}** calls")
        workflow.continue_as_new(run.model_copy(update={"cycles": run.cycles + FEED_CYCLES_PER_RUN}))
