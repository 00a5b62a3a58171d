"""The planning feed: movements go to planning in bulk, within seconds, each counted once.

movements --> buffer table --> feed --> planning system
"""

from temporalio import workflow

from schemas.planning.feeds import FeedReport, FeedRun
from workflows.runtime.singleton import Singleton

FEED = Singleton[FeedRun, FeedReport](
    activity="planning.feed",
    queue="planning",
    report=FeedReport,
    summary=lambda run: f"movements of {run.name}",
    page=lambda run, total: f"**{total.deltas}** movements of {run.name} sent in **{total.calls}** calls",
)


@workflow.defn(name="PlanningFeed")
class PlanningFeedWorkflow:
    """One feed per planning system and shard. Id: `planning/<name>/<shard>`. It never ends; it continues as new."""

    @workflow.run
    async def run(self, run: FeedRun) -> None:
        """Feed, again and again. While planning is down the activity retries and the buffer table grows."""
        await FEED.run(run)
