"""The re-plan governor of a region: what changes materially becomes a proposal, once it has come to rest.

changes --> governor --> proposals to planners
               |
               +-------> expired ones are withdrawn
"""

from temporalio import workflow

from schemas.planning.governor import GovernorReport, GovernorRun
from schemas.queues import RECONCILE_QUEUE
from workflows.runtime.singleton import Singleton

GOVERNOR = Singleton[GovernorRun, GovernorReport](
    activity="governor.govern",
    queue=RECONCILE_QUEUE,
    report=GovernorReport,
    summary=lambda run: f"re-plans of {run.region}",
    page=lambda run, total: f"**{total.proposed}** re-plans of {run.region} proposed, **{total.expired}** expired",
)


@workflow.defn(name="Governor")
class GovernorWorkflow:
    """One governor per region. Id: `governor/<region>`. It never ends; it continues as new."""

    @workflow.run
    async def run(self, run: GovernorRun) -> None:
        """Govern, again and again."""
        await GOVERNOR.run(run)
