"""The keeper of promises: whenever stock or supply changes, the reservations of the item are planned anew, and orders
whose day has changed are told in the same transaction."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime

from temporalio import activity

from domain.repromising import changed, redates, replan
from schemas.promising import PromisingReport, PromisingRun, Redate
from store import inbox, repromise, supply
from store.engine import Database
from store.inbox import NewMessage
from store.wake import Wake

HEARTBEAT_EVERY_S = 5.0
LINGER_S = 0.2
RUN_FOR_S = 600.0
MOST_ITEMS = 200
"""Items that are looked at between two heartbeats."""


@dataclass(frozen=True)
class PromisingActivities:
    """Keeps promises in step with stock and supply. `asked` makes the message that tells an order of another day."""

    database: Database
    wake: Wake
    asked: Callable[[Redate, str], NewMessage]

    @activity.defn(name="promising.keep")
    async def keep(self, run: PromisingRun) -> PromisingReport:
        """Look at items that have changed until the run's time is over."""
        report, seen = PromisingReport(), 0
        until = time.monotonic() + RUN_FOR_S
        while time.monotonic() < until and not activity.is_worker_shutdown():
            activity.heartbeat(report)
            done = await self.look(datetime.now(UTC).date())
            report = PromisingReport(items=report.items + done.items, redated=report.redated + done.redated)
            seen = await self.wake.wait(supply.CHANNEL, seen, HEARTBEAT_EVERY_S)
            await asyncio.sleep(LINGER_S)
        return report

    async def look(self, today: date) -> PromisingReport:
        """Look once at the items that wait, each in a transaction of its own."""
        async with self.database.connection() as connection:
            items = await repromise.waiting(connection, MOST_ITEMS)
        told = [await self._plan(item, today) for item in items]
        return PromisingReport(items=len(items), redated=sum(told))

    async def _plan(self, item: str, today: date) -> int:
        """Plan an item anew. An order that has not heard of its last re-date yet is told next time: two would race."""
        async with self.database.transaction() as connection:
            there = await repromise.take(connection, item)
            if not there.lines:
                return 0
            planned = replan(there.lines, there.sources, today)
            await repromise.save(connection, [(it.line, it.pegs) for it in changed(planned)])
            due = redates(planned)
            now = [it for it in due if it.order not in there.busy]
            if now:
                messages = [self.asked(it, f"promising/{there.mark}") for it in now]
                await repromise.told(connection, now, await inbox.accept(connection, messages))
            if len(now) < len(due):
                await supply.look_at(connection, [item], at_once=False)
            return len(now)
