"""Promises kept in step with stock and supply, for as long as the system runs.

stock and supply change --> promises are looked at --> orders hear of another day
"""

from temporalio import workflow

from schemas.inventory.promising import PromisingReport, PromisingRun
from schemas.queues import PROMISING_QUEUE
from workflows.runtime.singleton import Singleton

PROMISING = Singleton[PromisingRun, PromisingReport](
    activity="promising.keep",
    queue=PROMISING_QUEUE,
    report=PromisingReport,
    summary=lambda run: "stock and supply that have changed",
    page=lambda run, total: f"**{total.items}** items looked at, **{total.rescheduled}** orders told of another day",
)


@workflow.defn(name="Promising")
class PromisingWorkflow:
    """The keeper of promises. Id: `promising/<shard>`. It never ends; it continues as new."""

    @workflow.run
    async def run(self, run: PromisingRun) -> None:
        """Look at what has changed, again and again."""
        await PROMISING.run(run)
