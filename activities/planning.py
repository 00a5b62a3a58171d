"""The planning feed's activity: wait for company, freeze what is due, send it in bulk, split what planning refuses."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from temporalio import activity

from activities.faults import as_application_error
from connectors.ports import Call, PlanningPort, Refused, Unavailable
from schemas.feeds import FeedReport, FeedRun
from schemas.instructions import PlanningAnswer, PlanningBatch
from store import planning
from store.engine import Database
from store.planning import Frozen
from store.wake import Wake

HEARTBEAT_EVERY_S = 5.0
LOOK_EVERY_S = 0.25
"""While movements wait for company: how often to look whether a call is full."""


@dataclass(frozen=True)
class FeedLimits:
    """How much goes in one call, how long a movement may wait for company, and how long one run lasts (seconds).

    `linger_s` counts from when the oldest was written down, not from when its message was accepted: a system that is
    behind would otherwise make a call for each movement. What a call takes comes on top of it.
    """

    batch: int = 500
    linger_s: float = 1.5
    run_for_s: float = 600.0
    timeout_s: float = 5.0
    patience_s: tuple[float, ...] = (0.2, 0.4, 0.8, 1.6, 3.2)
    """Pauses before the same call is made again when nobody answers it. Afterwards the run fails, so that people see it
    in the Temporal UI, and its retry policy goes on: it counts every failure of a long run, and waits longer."""


@dataclass(frozen=True)
class PlanningActivities:
    """Feeds planning from the buffer table. A hot item cannot make a hot workflow: the buffer is the table."""

    port: PlanningPort
    database: Database
    wake: Wake
    limits: FeedLimits

    @activity.defn(name="planning.feed")
    async def feed(self, run: FeedRun) -> FeedReport:
        """Send movements to a planning system until the run's time is over. Raises ApplicationError when it is away."""
        report = FeedReport()
        seen = 0
        until = time.monotonic() + self.limits.run_for_s
        while time.monotonic() < until and not activity.is_worker_shutdown():
            activity.heartbeat(report)
            report, due_in_s = await self._drain(run, report)
            if due_in_s is None:
                seen = await self.wake.wait(planning.CHANNEL, seen, HEARTBEAT_EVERY_S)
            else:
                await asyncio.sleep(min(due_in_s, LOOK_EVERY_S))
        return report

    async def _drain(self, run: FeedRun, report: FeedReport) -> tuple[FeedReport, float | None]:
        """Send all that is due; and in how many seconds the next is, None when nothing waits."""
        while True:
            async with self.database.connection() as connection:
                rows = await planning.pending(connection, run, self.limits.batch)
            if rows:
                calls = await self._send(run, rows)
                report = report.model_copy(update={"calls": report.calls + calls})
                activity.heartbeat(report)
                continue
            async with self.database.transaction() as connection:
                due_in_s = await planning.due_in_s(connection, run, self.limits.batch, self.limits.linger_s)
                if due_in_s is None or due_in_s > 0:
                    return report, due_in_s
                movements = await planning.freeze(connection, run)
            report = report.model_copy(update={"deltas": report.deltas + movements})

    async def _send(self, run: FeedRun, rows: Sequence[Frozen]) -> int:
        """Send rows in one call, and each one that was refused by itself; one that is refused by itself is parked, and
        those of its item and site wait behind it. How many calls it took."""
        refused = await self._call(run, rows)
        if len(rows) == 1:
            return 1
        calls, parked = 1, set[tuple[str, str]]()
        for it in rows:
            about = (it.row.item, it.row.site)
            if it.row.key in refused and about not in parked:
                activity.heartbeat()
                calls += 1
                if await self._call(run, [Frozen(it.row, it.attempts + 1)]):
                    parked.add(about)
        return calls

    async def _call(self, run: FeedRun, rows: Sequence[Frozen]) -> dict[str, str]:
        """Rows in one call; what came of it is written down. Returns the rule by the key of each that was refused."""
        try:
            answer = await self._until_answered(run, rows)
            refused = {it.key: it.code for it in answer.refused}
        except Refused as error:
            refused = {it.row.key: str(error) for it in rows}
        async with self.database.transaction() as connection:
            await planning.answered(connection, [it.row.key for it in rows], refused)
            if len(rows) == 1 and refused:
                await planning.park(connection, rows[0].row.key, refused[rows[0].row.key])
        return refused

    async def _until_answered(self, run: FeedRun, rows: Sequence[Frozen]) -> PlanningAnswer:
        """The same call, again while planning does not answer. Raises Refused, and ApplicationError when it is away."""
        batch = PlanningBatch(rows=tuple(it.row for it in rows))
        call = Call(run.region, call_key(rows), timeout_s=self.limits.timeout_s)
        pauses_s = iter(self.limits.patience_s)
        while True:
            async with self.database.transaction() as connection:
                await planning.count_call(connection, run)
            try:
                return await self.port.send(batch, call)
            except Unavailable as error:
                activity.heartbeat()
                pause_s, asked_s = next(pauses_s, 0.0), error.retry_after_s or 0.0
                if not pause_s or asked_s > max(self.limits.patience_s):
                    raise as_application_error(error) from error
                await asyncio.sleep(max(pause_s, asked_s))


def call_key(rows: Sequence[Frozen]) -> str:
    """The same rows under the same key, until planning has answered them: a row that it refused is asked anew."""
    asked = "\n".join(f"{it.row.key} {it.attempts}" for it in rows)
    return f"planning/{sha256(asked.encode()).hexdigest()[:32]}"
