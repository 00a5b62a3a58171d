"""The governor's activity: look at what is projected, propose what is material and at rest, close what has expired."""

import asyncio
import time
from dataclasses import dataclass
from datetime import UTC, datetime

from temporalio import activity

from domain import governor
from schemas.governing import GovernorReport, GovernorRun
from store import governing
from store.engine import Database


@dataclass(frozen=True)
class GovernorLimits:
    """How often is looked, how long a change must last, how long planners have, how long one run lasts (seconds)."""

    every_s: float = 15.0
    debounce_s: float = 60.0
    ttl_s: float = 2 * 86_400.0
    run_for_s: float = 600.0


DEFAULTS = GovernorLimits()


@dataclass(frozen=True)
class GovernorActivities:
    """Governs the re-plans of a region. What it knows is in tables: a busy item cannot make a busy workflow."""

    database: Database
    limits: GovernorLimits = DEFAULTS

    @activity.defn(name="governor.govern")
    async def govern(self, run: GovernorRun) -> GovernorReport:
        """Look again and again until the run's time is over."""
        report, until = GovernorReport(), time.monotonic() + self.limits.run_for_s
        while True:
            activity.heartbeat(report)
            report = await self._look(run, report)
            if time.monotonic() >= until or activity.is_worker_shutdown():
                return report
            await asyncio.sleep(self.limits.every_s)

    async def _look(self, run: GovernorRun, report: GovernorReport) -> GovernorReport:
        now = datetime.now(UTC)
        async with self.database.transaction() as connection:
            found = await governing.projected(connection, run.region)
            look = governor.look(found, now, self.limits.debounce_s)
            await governing.changing(connection, look.changing, now)
            await governing.changing(connection, look.calm, None)
            await governing.remember(connection, look.told)
            expired = await governing.expire(connection, run.region, now)
            await governing.propose(connection, run.region, look.proposals, now, self.limits.ttl_s)
        return GovernorReport(
            looks=report.looks + 1,
            proposed=report.proposed + len(look.proposals),
            expired=report.expired + expired,
        )
