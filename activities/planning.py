"""The planning feed's activity: wait for movements, linger a moment, send them in bulk, mark them sent."""

import asyncio
import time
from dataclasses import dataclass

from temporalio import activity

from activities.faults import as_application_error
from connectors.ports import Call, ConnectorError, PlanningPort, Unavailable
from schemas.feeds import FeedReport, FeedRun
from schemas.instructions import PlanningBatch
from store import planning
from store.engine import Database
from store.wake import Wake

HEARTBEAT_EVERY_S = 5.0


@dataclass(frozen=True)
class FeedLimits:
    """How much goes in one call, how long a movement may wait for company, and how long one run lasts (seconds)."""

    batch: int = 500
    linger_s: float = 0.5
    run_for_s: float = 600.0
    timeout_s: float = 10.0


@dataclass(frozen=True)
class PlanningActivities:
    """Feeds planning from the buffer table. A hot item cannot make a hot workflow: the buffer is the table."""

    port: PlanningPort
    database: Database
    wake: Wake
    limits: FeedLimits

    @activity.defn(name="planning.feed")
    async def feed(self, run: FeedRun) -> FeedReport:
        """Send movements of one region until the run's time is over. Raises ApplicationError when planning fails."""
        report = FeedReport()
        seen = 0
        until = time.monotonic() + self.limits.run_for_s
        while time.monotonic() < until and not activity.is_worker_shutdown():
            activity.heartbeat(report)
            report = await self._flush(run, report)
            seen = await self.wake.wait(planning.CHANNEL, seen, HEARTBEAT_EVERY_S)
            await asyncio.sleep(self.limits.linger_s)
        return report

    async def _flush(self, run: FeedRun, report: FeedReport) -> FeedReport:
        while True:
            async with self.database.connection() as connection:
                rows = await planning.pending(connection, run.region, self.limits.batch)
            if not rows:
                async with self.database.transaction() as connection:
                    movements = await planning.freeze(connection, run.workflow_id.partition("/")[2], run.region)
                if not movements:
                    return report
                report = report.model_copy(update={"deltas": report.deltas + movements})
                continue
            batch = PlanningBatch(region=run.region, rows=tuple(rows))
            call = Call(run.region, f"planning/{rows[0].key}-{len(rows)}", timeout_s=self.limits.timeout_s)
            try:
                await self.port.send(batch, call)
            except ConnectorError as error:
                # A refusal is waited for as well, until somebody has mended it: it must not end the region's feed.
                again = error if isinstance(error, Unavailable) else Unavailable(error.origin, str(error))
                raise as_application_error(again) from error
            async with self.database.transaction() as connection:
                await planning.sent(connection, [row.key for row in rows])
            activity.heartbeat(report)
            report = report.model_copy(update={"calls": report.calls + 1})
