"""The promising workflow's activity: it plans the reservations of an item anew whenever stock or supply changes.
Orders with another day get their message in the same transaction."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from psycopg import Rollback
from temporalio import activity

from domain.inventory.reallocation import changed, replan, reschedulings
from schemas.inventory.promising import OpenLine, PromisingReport, PromisingRun, Rescheduling, Reservation
from store.engine import Connection, Database
from store.inventory import promising, reallocation, supply
from store.inventory.reallocation import ItemPlan
from store.messaging import inbox
from store.messaging.inbox import NewMessage
from store.messaging.wake import Wake

HEARTBEAT_EVERY_S = 5.0
"""Seconds between heartbeats: well below the heartbeat timeout."""
LINGER_S = 0.2
"""Seconds in which changes of an item gather: one plan for all of them."""
RUN_FOR_S = 600.0
"""Seconds of one run: few events in the history, and a deployment waits no longer."""
MOST_ITEMS = 200
"""Items that are looked at between two heartbeats."""
GLANCES = 3
"""How often an item is planned beside the others before they have to wait for it."""
MOST_TOLD = 500
"""Orders that are told of another day in one transaction: the others of that item are told in the next."""


@dataclass(frozen=True)
class ReallocationOutcome:
    """The outcome of a plan: new reservations, orders that are told now, and whether to look again."""

    reservations: list[tuple[OpenLine, tuple[Reservation, ...]]]
    ready: list[Rescheduling]
    messages: list[NewMessage]
    again: bool
    at_once: bool


@dataclass(frozen=True)
class PromisingActivities:
    """Keeps promises in step with stock and supply. `asked` makes the message that tells an order of another day."""

    database: Database
    wake: Wake
    asked: Callable[[Rescheduling, str], NewMessage]

    @activity.defn(name="promising.keep")
    async def keep(self, run: PromisingRun) -> PromisingReport:
        """Look at items that have changed until the run's time is over."""
        report, seen = PromisingReport(), 0
        until = time.monotonic() + RUN_FOR_S
        await self.look_at_overdue(datetime.now(UTC))
        while time.monotonic() < until and not activity.is_worker_shutdown():
            activity.heartbeat(report)
            done = await self.look(datetime.now(UTC))
            report = PromisingReport(items=report.items + done.items, rescheduled=report.rescheduled + done.rescheduled)
            seen = await self.wake.wait(supply.CHANNEL, seen, HEARTBEAT_EVERY_S)
            await asyncio.sleep(LINGER_S)
        return report

    async def look_at_overdue(self, now: datetime) -> None:
        """Put items into the queue whose supply should have come by now: nobody says so of them. Once in each run."""
        async with self.database.transaction() as connection:
            await reallocation.look_at_overdue(connection, now)

    async def look(self, now: datetime) -> PromisingReport:
        """Look once at the items that wait, each in a transaction of its own."""
        async with self.database.connection() as connection:
            items = await reallocation.waiting(connection, MOST_ITEMS)
        rescheduled = [await self._plan(item, now) for item in items]
        return PromisingReport(items=len(items), rescheduled=sum(rescheduled))

    async def _plan(self, item: str, now: datetime) -> int:
        """Plan an item anew, beside the releases that promise it. Locks are taken only to write, so that thousands
        of orders of one item delay no release. An item that keeps changing is planned under lock."""
        for _ in range(GLANCES):
            there = await reallocation.glance(self.database, item)
            if not there.queued:
                return 0
            outcome = await asyncio.to_thread(self._outcome, there, now)
            if await self._apply(there, outcome):
                return len(outcome.ready)
        async with self.database.transaction() as connection:
            await promising.lock(connection, [item])
            there = await reallocation.read(connection, item)
            outcome = self._outcome(there, now)
            if there.queued:
                await _write(connection, there, outcome)
            return len(outcome.ready) if there.queued else 0

    async def _apply(self, there: ItemPlan, outcome: ReallocationOutcome) -> bool:
        """Write the plan, unless a line's reservations have changed, or other orders got its packs. Later changes
        are in the queue."""
        async with self.database.transaction() as connection:
            if outcome.reservations or outcome.ready:
                await reallocation.lock_item(connection, there)
            if not await reallocation.stand(connection, there.item, [line for line, _ in outcome.reservations]):
                return False
            before = await reallocation.missing(connection, there.item) if outcome.reservations else Counter()
            await _write(connection, there, outcome)
            fits = not outcome.reservations or await reallocation.missing(connection, there.item) <= before
            if not fits:
                raise Rollback
        return fits

    def _outcome(self, there: ItemPlan, now: datetime) -> ReallocationOutcome:
        """An order that has not heard of its last re-date yet is told next time: two would race."""
        planned = replan(there.lines, there.sources, now)
        due = reschedulings(planned)
        idle = [it for it in due if it.order not in there.busy]
        ready = idle[:MOST_TOLD]
        return ReallocationOutcome(
            reservations=[(it.line, it.reservations) for it in changed(planned)],
            ready=ready,
            messages=[self.asked(it, f"promising/{there.queued[-1]}") for it in ready if there.queued],
            again=len(ready) < len(due),
            at_once=len(ready) < len(idle),
        )


async def _write(connection: Connection, there: ItemPlan, outcome: ReallocationOutcome) -> None:
    """Reserve anew, and tell who is given another day."""
    await reallocation.done(connection, there)
    await reallocation.save(connection, outcome.reservations)
    if outcome.ready:
        await reallocation.mark_reported(connection, outcome.ready, await inbox.insert(connection, outcome.messages))
    if outcome.again:
        await supply.look_at(connection, [there.item], at_once=outcome.at_once)
