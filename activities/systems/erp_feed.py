"""The activity of an ERP's feed: wait for rows, linger a moment, send them in bulk, settle each once."""

import asyncio
import time
from dataclasses import dataclass

import structlog
from temporalio import activity

from activities.execution.faults import as_application_error
from activities.planning.feed import HEARTBEAT_EVERY_S, FeedLimits
from connectors.ports import BulkErpPort, Call, Refused, Unavailable
from schemas.finance.erp_feed import (
    ErpFeedReport,
    ErpFeedRun,
    ErpForecastBatch,
    ErpFreightBatch,
    ErpRowKind,
    ErpStockBatch,
)
from store.engine import Database
from store.finance import erp_feed
from store.finance.erp_feed import OwedRow
from store.messaging.wake import Wake

MAX_REASON = 300
"""Characters of a refusal that are kept: its first sentences."""


@dataclass(frozen=True)
class ErpFeedActivities:
    """Tells an ERP what is owed to it in bulk. The buffer is the table, so no item makes a hot workflow."""

    port: BulkErpPort
    database: Database
    wake: Wake
    limits: FeedLimits

    @activity.defn(name="erp.feed")
    async def feed(self, run: ErpFeedRun) -> ErpFeedReport:
        """Send rows of one ERP until the run's time is over. Raises ApplicationError while the ERP is away."""
        report = ErpFeedReport()
        seen = 0
        until = time.monotonic() + self.limits.run_for_s
        while time.monotonic() < until and not activity.is_worker_shutdown():
            for kind in ErpRowKind:
                report = await self._flush(run, kind, report)
            activity.heartbeat(report)
            seen = await self.wake.wait(erp_feed.CHANNEL, seen, HEARTBEAT_EVERY_S)
            await asyncio.sleep(self.limits.linger_s)
        return report

    async def _flush(self, run: ErpFeedRun, kind: ErpRowKind, report: ErpFeedReport) -> ErpFeedReport:
        while True:
            async with self.database.connection() as connection:
                rows = await erp_feed.take(connection, run.erp, kind, self.limits.batch)
            if not rows:
                return report
            try:
                report = await self._send(run, kind, rows, report)
            except Unavailable as error:
                raise as_application_error(error) from error

    async def _send(
        self, run: ErpFeedRun, kind: ErpRowKind, rows: list[OwedRow], report: ErpFeedReport
    ) -> ErpFeedReport:
        """Send, and settle.

        A refused batch is halved until the row that breaks a rule is alone; that row is kept with its reason.

        Halves go in their order: what an item's next row replaces or adds to must have come before. Raises Unavailable.
        """
        activity.heartbeat(report)
        try:
            await self._post(run, kind, rows)
        except Refused as refusal:
            if len(rows) > 1:
                middle = len(rows) // 2
                report = await self._send(run, kind, rows[:middle], report)
                return await self._send(run, kind, rows[middle:], report)
            async with self.database.connection() as connection:
                await erp_feed.refused(connection, rows[0].id, str(refusal)[:MAX_REASON])
            structlog.get_logger("erp_feed").warning("row.refused", erp=run.erp, kind=kind, row=rows[0].id)
            return report.model_copy(update={"refused": report.refused + 1})
        async with self.database.connection() as connection:
            await erp_feed.sent(connection, [row.id for row in rows])
        return report.model_copy(update={"rows": report.rows + len(rows), "calls": report.calls + 1})

    async def _post(self, run: ErpFeedRun, kind: ErpRowKind, rows: list[OwedRow]) -> None:
        key = f"{run.workflow_id}/{kind}/{rows[0].id}-{rows[-1].id}-{len(rows)}"
        call = Call(run.erp, key, timeout_s=self.limits.timeout_s)
        said = {"rows": [row.body for row in rows]}
        if kind is ErpRowKind.STOCK:
            await self.port.move_stock(ErpStockBatch.model_validate(said), call)
        elif kind is ErpRowKind.FREIGHT:
            await self.port.post_freight(ErpFreightBatch.model_validate(said), call)
        else:
            await self.port.forecast(ErpForecastBatch.model_validate(said), call)
