"""The governor's activity: look at what is projected, ask planners what is material, tell planning what they say."""

import asyncio
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Protocol

from temporalio import activity

from activities.planning.notifier import PlanningNotifier
from domain.planning import governor
from domain.planning.governor import Rules
from schemas.planning.governor import GovernorReport, GovernorRun, Projected
from schemas.settings import GovernorSettings
from store.engine import Database
from store.planning import governor as governing
from store.planning import projections

REST = 10.0
"""A look is followed by so many times as long without one: however much there is, it takes a tenth of the time."""


class Classes(Protocol):
    """Knows the classes of items."""

    async def classes(self, places: Iterable[tuple[str, str]]) -> dict[tuple[str, str], str]:
        """The class of each of these (item, site) whose owner names one."""
        ...


@dataclass(frozen=True)
class GovernorActivities:
    """Governs the re-plans of a region. What it knows is in tables: a busy item cannot make a busy workflow."""

    database: Database
    notifier: PlanningNotifier
    items: Classes
    limits: GovernorSettings

    @activity.defn(name="governor.govern")
    async def govern(self, run: GovernorRun) -> GovernorReport:
        """Look, and tell planning, again and again until the run's time is over."""
        report, until = GovernorReport(), time.monotonic() + self.limits.run_for_s
        rested_at = 0.0
        while True:
            activity.heartbeat(report)
            if (began := time.monotonic()) >= rested_at:
                report = await self._look(run, report)
                rested_at = began + REST * (time.monotonic() - began)
            sent = await self.notifier.notify(run.region, partial(activity.heartbeat, report))
            report = report.model_copy(update={"reported": report.reported + sent})
            if time.monotonic() >= until or activity.is_worker_shutdown():
                return report
            await asyncio.sleep(self.limits.every_s)

    async def _look(self, run: GovernorRun, report: GovernorReport) -> GovernorReport:
        now = datetime.now(UTC)
        # Owners are asked for classes before anything is locked: no decision waits for an ERP, or for a long look.
        async with self.database.connection() as connection:
            before = [it.id for it in await governing.questions(connection, run.region)]
            ahead = await projections.projected(connection, run.region, now)
        classes = await self.items.classes({(it.item, it.site) for it in ahead if it.planned_day})
        rules = Rules(self.limits.tolerances, self.limits.debounce_s)
        async with self.database.transaction() as connection:
            if before != [it.id for it in await governing.questions(connection, run.region)]:
                ahead = await projections.projected(connection, run.region, now)  # somebody decided meanwhile
            expired = await governing.expire(connection, run.region, now)
            asked = await governing.questions(connection, run.region)
            found = [_of_class(it, classes) for it in ahead]
            look = governor.look(found, asked, now, rules)
            gone = {(it.item, it.site, it.source) for it in look.unchanged}
            still = [it for it in found if (it.item, it.site, it.source) not in gone]
            await projections.differing(connection, run.region, look.changing, still, now)
            await projections.remember(connection, look.new)
            await governing.withdraw(connection, look.withdrawn, now)
            await governing.propose(connection, run.region, look.proposals, now, self.limits.ttl_s)
        counted = {"looks": 1, "proposed": len(look.proposals), "expired": expired, "withdrawn": len(look.withdrawn)}
        return report.model_copy(update={name: getattr(report, name) + n for name, n in counted.items()})


def _of_class(one: Projected, classes: dict[tuple[str, str], str]) -> Projected:
    found = classes.get((one.item, one.site))
    return one.model_copy(update={"item_class": found}) if found else one
