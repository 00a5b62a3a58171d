"""The keeper of promises: whenever stock or supply changes, the reservations of the item are planned anew, and orders
whose day has changed are told in the same transaction."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime

from psycopg import Rollback
from temporalio import activity

from domain.repromising import changed, redates, replan
from schemas.promising import OpenLine, Peg, PromisingReport, PromisingRun, Redate
from store import inbox, promising, repromise, supply
from store.engine import Connection, Database
from store.inbox import NewMessage
from store.repromise import ItemPlan
from store.wake import Wake

HEARTBEAT_EVERY_S = 5.0
LINGER_S = 0.2
RUN_FOR_S = 600.0
MOST_ITEMS = 200
"""Items that are looked at between two heartbeats."""
GLANCES = 3
"""How often an item is planned beside the others before they have to wait for it."""
MOST_TOLD = 500
"""Orders that are told of another day in one transaction: the others of that item are told in the next."""


@dataclass(frozen=True)
class Outcome:
    """What follows from a plan: new reservations, who is told now, and whether to look again."""

    pegs: list[tuple[OpenLine, tuple[Peg, ...]]]
    told: list[Redate]
    messages: list[NewMessage]
    again: bool
    at_once: bool


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
        """Plan an item anew. It is planned beside those that promise, locked only to be written, so that thousands of
        orders of one item keep no release waiting; under lock only where it does not keep still."""
        for _ in range(GLANCES):
            there = await repromise.glance(self.database, item)
            if not there.queued:
                return 0
            outcome = await asyncio.to_thread(self._outcome, there, today)
            if await self._apply(there, outcome):
                return len(outcome.told)
        async with self.database.transaction() as connection:
            await promising.lock(connection, [item])
            there = await repromise.read(connection, item)
            outcome = self._outcome(there, today)
            if there.queued:
                await _write(connection, there, outcome)
            return len(outcome.told) if there.queued else 0

    async def _apply(self, there: ItemPlan, outcome: Outcome) -> bool:
        """Write what was planned, unless it does not fit any more: a line holds something else by now, or others were
        promised what it was to get. Whatever else has changed since is in the queue."""
        async with self.database.transaction() as connection:
            if outcome.pegs or outcome.told:
                await repromise.hold(connection, there)
            if not await repromise.stand(connection, there.item, [line for line, _ in outcome.pegs]):
                return False
            before = await repromise.missing(connection, there.item) if outcome.pegs else Counter()
            await _write(connection, there, outcome)
            fits = not outcome.pegs or await repromise.missing(connection, there.item) <= before
            if not fits:
                raise Rollback
        return fits

    def _outcome(self, there: ItemPlan, today: date) -> Outcome:
        """An order that has not heard of its last re-date yet is told next time: two would race."""
        planned = replan(there.lines, there.sources, today)
        due = redates(planned)
        ready = [it for it in due if it.order not in there.busy]
        now = ready[:MOST_TOLD]
        return Outcome(
            pegs=[(it.line, it.pegs) for it in changed(planned)],
            told=now,
            messages=[self.asked(it, f"promising/{there.queued[-1]}") for it in now if there.queued],
            again=len(now) < len(due),
            at_once=len(now) < len(ready),
        )


async def _write(connection: Connection, there: ItemPlan, outcome: Outcome) -> None:
    """Reserve anew, and tell who is given another day."""
    await repromise.done(connection, there)
    await repromise.save(connection, outcome.pegs)
    if outcome.told:
        await repromise.told(connection, outcome.told, await inbox.accept(connection, outcome.messages))
    if outcome.again:
        await supply.look_at(connection, [there.item], at_once=outcome.at_once)
