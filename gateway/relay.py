"""The relay: inbox → canonical event → orders → one signal per order. Runs inside the worker, in any number of workers.

Placing is committed before an order hears of it. A process that dies in between leaves the event pending, and it is
handed over again; the order takes it in once. What has no place is quarantined, and revived when its order appears.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Coroutine
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from psycopg import OperationalError

from domain.master import named_in_command, named_in_release
from gateway import canonical
from gateway.admission import admit_event, digest_of, own_source
from gateway.book import look_up
from gateway.correlate import Parked, Placement, correlate
from gateway.handoff import TemporalHandoff, WorkflowGone
from gateway.intake import BULK, Intake
from gateway.master import cleared
from gateway.ports import CommandRefused
from gateway.purchases import PURCHASING, take_in
from gateway.requests import record_of
from schemas.base import Origin, Role
from schemas.commands import Verb
from schemas.door import Refused, refuse
from schemas.envelope import Envelope
from schemas.milestones import RETURN_KINDS, Milestone, MilestoneEvent
from schemas.orders import OrderStatus
from store import events, inbox, master, orders, partners, returns
from store.engine import Connection, Database
from store.wake import Wake

BATCH = 200
IDLE_WAIT_S = 1.0
SWEEP_EVERY_S = 1.0
REVIVE_EVERY_S = 10.0
RESEND_AFTER_S = 5.0
COMMAND_RETRY_S = 5.0
HANDOFF_TIMEOUT_S = 10.0
MAX_ATTEMPTS = 200
SIGNALS_AT_ONCE = 32
RECOVERY_WAIT_S = 1.0
UNKNOWN_RETURN_WAIT = timedelta(days=1)
"""Goods may be back before the return is known that they belong to: so long is it waited for."""

log = structlog.get_logger("relay")


@dataclass
class Batch:
    """What one pass over the inbox found: events to place, in order, commands to carry out afterwards, what waits."""

    placed: list[tuple[events.NewEvent, Milestone, Placement, str]] = field(default_factory=list)
    roles: dict[str, Role] = field(default_factory=dict)
    commands: list[inbox.Message] = field(default_factory=list)
    waiting: list[int] = field(default_factory=list)


class Relay:
    """Moves messages from the inbox to their orders, until cancelled."""

    def __init__(self, database: Database, handoff: TemporalHandoff, wake: Wake, intake: Intake | None = None) -> None:
        self._database = database
        self._handoff = handoff
        self._wake = wake
        self._intake = intake or Intake(database)
        self._sweep_at = 0.0
        self._revive_at = 0.0
        self._commands: set[asyncio.Task[None]] = set()
        self._signals = asyncio.Semaphore(SIGNALS_AT_ONCE)

    async def run(self) -> None:
        """Run for ever. A database that is away is waited for."""
        seen = 0
        while True:
            try:
                moved = await self.once()
                await self.sweep()
            except OperationalError as error:
                log.warning("relay.database_away", error=type(error).__name__)
                await asyncio.sleep(RECOVERY_WAIT_S)
                continue
            if not moved:
                seen = await self._wake.wait(inbox.CHANNEL, seen, IDLE_WAIT_S)

    async def once(self) -> int:
        """One pass: claim, place, commit, hand over. Returns how many messages were claimed."""
        async with self._database.transaction() as connection:
            messages = await inbox.claim(connection, BATCH)
            if not messages:
                return 0
            batch, handed = await self._place(connection, messages)
        if batch.waiting:
            async with self._database.transaction() as connection:
                await inbox.revive(connection, batch.waiting)
        await self._hand_over(handed)
        for message in batch.commands:
            self._start(self._command(message))
        return len(messages)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._commands.add(task)
        task.add_done_callback(self._commands.discard)

    async def sweep(self) -> None:
        """Now and then: revive what waited for an order that has appeared, and resend what was never answered for."""
        if time.monotonic() < self._sweep_at:
            return
        self._sweep_at = time.monotonic() + SWEEP_EVERY_S
        self._start(self._intake.look_up_wanted())
        async with self._database.transaction() as connection:
            if time.monotonic() >= self._revive_at:
                self._revive_at = time.monotonic() + REVIVE_EVERY_S
                await inbox.revive(connection)
                await master.prune(connection)
            pending = await events.unsettled(connection, BATCH, RESEND_AFTER_S)
            roles = await partners.roles(connection, [event.partner for event in pending])
        handed: dict[str, list[MilestoneEvent]] = defaultdict(list)
        for event in pending:
            handed[event.order_key].append(canonical.again(event, roles.get(event.partner, Role.CARRIER)))
        await self._hand_over(handed)

    async def _place(
        self, connection: Connection, messages: list[inbox.Message]
    ) -> tuple[Batch, dict[str, list[MilestoneEvent]]]:
        batch = Batch(commands=[m for m in messages if m.kind != inbox.EVENT])
        if batch.commands:
            await inbox.postpone(connection, [m.id for m in batch.commands], COMMAND_RETRY_S)
        decoded = [(m, d) for m in messages if m.kind == inbox.EVENT and (d := await _decode(connection, m))]
        batch.roles = await partners.roles(connection, [m.partner for m, _ in decoded])
        fresh = await _without_repeats(connection, decoded)
        await self._correlate(connection, fresh, batch)
        new = await events.place(connection, [event for event, *_ in batch.placed])
        handed: dict[str, list[MilestoneEvent]] = defaultdict(list)
        for event, milestone, placement, traceparent in batch.placed:
            if event.unique_id in new:
                for key in placement.orders:
                    handed[key].append(canonical.for_order(event, milestone, key, placement, batch.roles, traceparent))
        await inbox.routed(connection, [event.inbox_id for event, *_ in batch.placed if event.unique_id in new])
        return batch, handed

    async def _correlate(
        self, connection: Connection, fresh: list[tuple[inbox.Message, Envelope[Milestone]]], batch: Batch
    ) -> None:
        """Place each event on its orders. A link made by one event of the batch counts for the next."""
        book = await look_up(connection, [envelope.data for _, envelope in fresh])
        links: list[tuple[str, str]] = []
        parked: list[inbox.Quarantine] = []
        for message, envelope in sorted(fresh, key=lambda pair: not pair[1].data.lines):
            milestone = envelope.data
            placement: Placement | Parked = Parked("the partner is not active", Origin.OWNERSHIP)
            if message.partner in batch.roles:
                placement = correlate(milestone, message.partner, batch.roles[message.partner], book.facts(milestone))
            if isinstance(placement, Parked):
                parked.append(inbox.Quarantine(message.id, placement.reason, placement.origin, placement.waiting_for))
                continue
            if placement.links and milestone.shipment:
                book.link(milestone.shipment, placement)
                links.extend((milestone.shipment, key) for key in placement.orders)
            event = canonical.logged(message, envelope, tuple(placement.orders))
            batch.placed.append((event, milestone, placement, envelope.traceparent or message.traceparent))
        if links:
            await events.link_shipments(connection, links)
        batch.waiting = [it.message for it in parked if it.waiting_for]
        if parked:
            await inbox.quarantine_all(connection, parked)

    async def _hand_over(self, handed: dict[str, list[MilestoneEvent]]) -> None:
        """One signal to each workflow that is concerned: an order, or one of its returns."""
        addressed: dict[tuple[str, str], list[MilestoneEvent]] = defaultdict(list)
        for key, found in handed.items():
            for event in found:
                addressed[key, canonical.addressee(key, event)].append(event)
        await asyncio.gather(*(self._signal(key, to, found) for (key, to), found in addressed.items()))

    async def _signal(self, key: str, workflow_id: str, found: list[MilestoneEvent]) -> None:
        async with self._signals:
            try:
                await self._handoff.milestones(workflow_id, found)
            except WorkflowGone:
                await self._supersede(key, found)

    async def _supersede(self, key: str, found: list[MilestoneEvent]) -> None:
        """Settle what came too late. What is for a return that is not known yet stays pending, and is sent again."""
        rma, reason = found[0].rma if found[0].kind in RETURN_KINDS else None, "the order has ended"
        async with self._database.transaction() as connection:
            if rma is not None:
                reason = "the return has ended"
                if rma not in {row["rma"] for row in await returns.listing(connection, key)}:
                    reason = f"no return {rma} is known"
                    found = [e for e in found if e.received_at < datetime.now(UTC) - UNKNOWN_RETURN_WAIT]
            await events.supersede(connection, key, [event.id for event in found], reason)

    async def _command(self, message: inbox.Message) -> None:
        if message.attempts >= MAX_ATTEMPTS:
            async with self._database.transaction() as connection:
                await inbox.quarantine(connection, message.id, "not carried out after many attempts", Origin.PLATFORM)
            return
        if message.kind == inbox.RELEASE:
            await self._release(message)
        elif message.kind in PURCHASING:
            await take_in(self._database, self._handoff, message, HANDOFF_TIMEOUT_S, self._intake.registry)
        elif message.kind in BULK:
            await self._intake.take(message)
        else:
            await self._carry_out(message)

    async def _release(self, message: inbox.Message) -> None:
        async with self._database.connection() as connection:
            known = await orders.by_inbox(connection, [message.id])
        if message.id not in known:
            return
        key, status = known[message.id]
        if status == OrderStatus.RELEASED:  # one that has been started before has been cleared
            async with self._database.connection() as connection:
                names = named_in_release(message.partner, await orders.release_of(connection, key))
            if not await cleared(self._database, self._intake.registry, message, names):
                return
        await self._handoff.release(key, HANDOFF_TIMEOUT_S)

    async def _carry_out(self, message: inbox.Message) -> None:
        """Hand over a command that the gateway could not, or whose outcome it did not live to see."""
        record = record_of(message.kind, message.raw)
        names = named_in_command(record.key.partition("/")[0], record.request)
        if not await cleared(self._database, self._intake.registry, message, names):
            return
        async with self._database.connection() as connection:
            first, *_ = await inbox.command(connection, message.kind, message.external_id, digest_of(message.raw))
        superseded = f"repeats message {first}" if first != message.id else None
        try:
            if await self._handoff.command(record, HANDOFF_TIMEOUT_S) is None:
                return
        except CommandRefused as refusal:
            superseded = refusal.reason
        async with self._database.transaction() as connection:
            if superseded is None and record.verb == Verb.REPLAN:  # a signal: the order says what became of it
                await inbox.routed(connection, [message.id])
            else:  # leaves a message that was applied as it is
                state = "superseded" if superseded else "applied"
                await inbox.settle(connection, [message.id], state, [superseded])


async def _decode(connection: Connection, message: inbox.Message) -> Envelope[Milestone] | None:
    try:
        envelope = admit_event(message.raw)
        if not own_source(envelope.source, message.partner):
            refuse("source", "must lie under the partner's own name")
    except Refused as refusal:
        await inbox.quarantine(connection, message.id, str(refusal)[:500], Origin.TRANSFORMATION)
        return None
    return envelope


async def _without_repeats(
    connection: Connection, decoded: list[tuple[inbox.Message, Envelope[Milestone]]]
) -> list[tuple[inbox.Message, Envelope[Milestone]]]:
    """Settle repeats of a known event, and of one earlier in this batch, as superseded."""
    first = await events.known(connection, [(e.source, e.id) for _, e in decoded])
    fresh, repeats = [], []
    for message, envelope in decoded:
        earlier = first.setdefault((envelope.source, envelope.id), message.id)
        if earlier == message.id:
            fresh.append((message, envelope))
        else:
            repeats.append((message.id, f"repeats message {earlier}"))
    if repeats:
        await inbox.settle(connection, [i for i, _ in repeats], "superseded", [reason for _, reason in repeats])
    return fresh
