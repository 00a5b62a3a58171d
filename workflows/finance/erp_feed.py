"""The feed of an ERP: what belongs to no order goes to it in bulk, within seconds, each row counted once.

stock, forecasts, freight --> buffer table --> feed --> ERP
"""

from temporalio import workflow

from schemas.finance.erp_feed import ErpFeedReport, ErpFeedRun
from workflows.runtime.singleton import Singleton

FEED = Singleton[ErpFeedRun, ErpFeedReport](
    activity="erp.feed",
    queue="erp",
    report=ErpFeedReport,
    summary=lambda run: f"stock, forecasts and freight for {run.erp}",
    page=lambda run, total: (
        f"**{total.rows}** rows told to {run.erp} in **{total.calls}** calls, **{total.refused}** refused"
    ),
)


@workflow.defn(name="StockFeed")
class StockFeedWorkflow:
    """One feed per ERP that owns stock. Id: `stock/<erp>`. It never ends; it continues as new."""

    @workflow.run
    async def run(self, run: ErpFeedRun) -> None:
        """Feed, again and again. While the ERP is down the activity retries and the buffer table grows."""
        await FEED.run(run)
