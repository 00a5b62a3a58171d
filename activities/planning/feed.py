"""The planning feed's activity: wait for company, freeze what is due, send it in bulk, split what planning refuses.

Open demand of orders travels in the same calls: the newest figure of each row, whatever was to be told before.
"""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256

from temporalio import activity

from activities.execution.faults import as_application_error
from connectors.ports import Call, PlanningPort, Refused, Unavailable
from schemas.messaging.instructions import PlanningAnswer, PlanningBatch
from schemas.planning.feeds import FeedReport, FeedRun
from store.engine import Database
from store.messaging.wake import Wake
from store.planning import order_demand, planning
from store.planning.order_demand import OwedOrderDemand
from store.planning.planning import Frozen

HEARTBEAT_EVERY_S = 5.0
"""Seconds between heartbeats: well below the heartbeat timeout."""
LOOK_EVERY_S = 0.25
"""While movements wait for company: how often to look whether a call is full."""


@dataclass(frozen=True)
class FeedLimits:
    """Size of a call, linger of a movement, and length of a run; times in seconds.

    `linger_s` counts from the write of the oldest movement, not from its message's acceptance: a late system would
    otherwise make a call for each movement. The time of a call comes on top.
    """

    batch: int = 500
    linger_s: float = 1.5
    run_for_s: float = 600.0
    timeout_s: float = 5.0
    patience_s: tuple[float, ...] = (0.2, 0.4, 0.8, 1.6, 3.2)
    """Pauses in seconds before the same unanswered call is repeated. Then the run fails, so that people see it in
    the Temporal UI. Its retry policy goes on, with longer waits."""


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
        due = False
        while True:
            async with self.database.connection() as connection:
                rows = await planning.pending(connection, run, self.limits.batch)
                demand = await order_demand.unreported(connection, run, self.limits.batch) if rows or due else []
            if rows or demand:
                calls = await self._send(run, Parcel(tuple(rows), tuple(demand)))
                report = report.model_copy(update={"calls": report.calls + calls})
                activity.heartbeat(report)
                due = False
                continue
            async with self.database.transaction() as connection:
                due_in_s = await planning.due_in_s(connection, run, self.limits.batch, self.limits.linger_s)
                if due_in_s is None or due_in_s > 0:
                    return report, due_in_s
                movements = await planning.freeze(connection, run)
            due = True
            report = report.model_copy(update={"deltas": report.deltas + movements})

    async def _send(self, run: FeedRun, parcel: "Parcel") -> int:
        """Send a parcel in one call, then each refused part by itself. Returns the number of calls.

        A part that is refused by itself is kept with its reason; later rows of its item and site wait behind it."""
        refused = await self._call(run, parcel)
        if parcel.size == 1:
            return 1
        calls, single = 1, set[tuple[str, str, str]]()
        for part in parcel.parts():
            if part.keys & refused.keys() and part.about not in single:
                activity.heartbeat()
                calls += 1
                if await self._call(run, part.asked_anew()):
                    single.add(part.about)
        return calls

    async def _call(self, run: FeedRun, parcel: "Parcel") -> dict[str, str]:
        """A parcel in one call; what came of it is written down. Returns the rule by the key of each part refused."""
        try:
            answer = await self._until_answered(run, parcel)
            refused = {it.key: it.code for it in answer.refused if it.key in parcel.keys}
        except Refused as error:
            refused = dict.fromkeys(parcel.keys, str(error))
        async with self.database.transaction() as connection:
            await planning.answered(connection, [it.row.key for it in parcel.rows], refused)
            await order_demand.mark_reported(connection, parcel.demand, refused)
            if parcel.size == 1:
                for row in (it.row for it in parcel.rows if it.row.key in refused):
                    await planning.mark_refused(connection, row.key, refused[row.key])
                for figure in (it.row for it in parcel.demand if it.row.key in refused):
                    await order_demand.mark_refused(connection, figure, refused[figure.key])
        return refused

    async def _until_answered(self, run: FeedRun, parcel: "Parcel") -> PlanningAnswer:
        """The same call, again while planning does not answer. Raises Refused, and ApplicationError when it is away."""
        batch = PlanningBatch(rows=tuple(it.row for it in parcel.rows), demand=tuple(it.row for it in parcel.demand))
        call = Call(run.region, call_key(parcel), timeout_s=self.limits.timeout_s)
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


@dataclass(frozen=True)
class Parcel:
    """The content of one call."""

    rows: tuple[Frozen, ...] = ()
    demand: tuple[OwedOrderDemand, ...] = ()

    @property
    def size(self) -> int:
        """The number of rows and figures."""
        return len(self.rows) + len(self.demand)

    @property
    def keys(self) -> frozenset[str]:
        """The key of each."""
        return frozenset({*(it.row.key for it in self.rows), *(it.row.key for it in self.demand)})

    @property
    def about(self) -> tuple[str, str, str]:
        """The region, item and site of a parcel of one; later rows of the same wait for it."""
        if self.rows:
            return "row", self.rows[0].row.item, self.rows[0].row.site
        return "demand", self.demand[0].row.item, self.demand[0].row.site

    def parts(self) -> Iterator["Parcel"]:
        """Each row and figure by itself."""
        yield from (Parcel(rows=(it,)) for it in self.rows)
        yield from (Parcel(demand=(it,)) for it in self.demand)

    def asked_anew(self) -> "Parcel":
        """The parcel after planning has answered it."""
        return Parcel(
            tuple(Frozen(it.row, it.attempts + 1) for it in self.rows),
            tuple(OwedOrderDemand(it.row, it.attempts + 1) for it in self.demand),
        )


def call_key(parcel: Parcel) -> str:
    """The same parcel under the same key, until planning has answered it: a row that it refused is asked anew."""
    asked = [(it.row.key, it.attempts) for it in parcel.rows] + [(it.row.key, it.attempts) for it in parcel.demand]
    said = "\n".join(f"{key} {attempts}" for key, attempts in asked)
    return f"planning/{sha256(said.encode()).hexdigest()[:32]}"
