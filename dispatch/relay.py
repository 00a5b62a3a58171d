"""The relay: inbox → canonical event → orders → signals, in order. Runs inside the worker, in any number of workers.

Placing is committed before an order hears of it. A process that dies in between leaves the event pending, and it is
handed over again; the order takes it in once. What has no place is quarantined, and revived when its order appears.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any

import structlog
from psycopg import OperationalError

from dispatch.events import event_mapping
from dispatch.events.admission import MilestoneEnvelope, admit_own, read_own, stated
from dispatch.events.correlation import Placement, Unplaced, correlate
from dispatch.events.order_lookup import look_up, misdirected
from dispatch.handoff import TemporalHandoff
from dispatch.inventory.intake import Intake
from dispatch.partners import measuring
from dispatch.ports import Rest
from dispatch.routing import MAX_ATTEMPTS, MessageRouter
from dispatch.temporal.signalling import Signaller
from domain.partners.ownership import speaking_role
from schemas.base import Origin, Role
from schemas.orders.milestones import MilestoneEvent, MilestoneKind, SentLine
from schemas.parsing import InvalidMessage
from store.engine import Connection, Database
from store.messaging import events, inbox, quarantine, repeats, signals
from store.messaging.wake import Wake
from store.partners import master_data, partners

BATCH = 200
"""Messages of one pass: one transaction of well under a second."""
IDLE_WAIT_S = 1.0
"""Seconds between passes without a notification, which may be missed while reconnecting."""
SWEEP_EVERY_S = 1.0
"""Seconds between sweeps: a lost signal is sent again about so soon."""
REVIVE_EVERY_S = 10.0
"""Seconds between looks at all of the quarantine, which cost more than a sweep."""
COMMAND_RETRY_S, COMMAND_RETRY_MOST_S = 5.0, 30.0
"""Seconds before an undelivered command is tried again; doubled each time, up to the most."""
RECOVERY_WAIT_S = 1.0
"""Seconds before the next try while the database is away."""

log = structlog.get_logger("relay")
Handed = dict[str, list[MilestoneEvent]]
"""Events by the order that they are placed on."""


@dataclass
class Batch:
    """The result of one pass over the inbox: events to place, in order, commands to carry out afterwards, and what
    waits."""

    placed: list[events.NewEvent] = field(default_factory=list)
    roles: dict[str, tuple[Role, ...]] = field(default_factory=dict)
    commands: list[inbox.Message] = field(default_factory=list)
    waiting: list[int] = field(default_factory=list)

    def role(self, partner: str, kind: MilestoneKind) -> Role:
        """In which role an active partner reports a milestone."""
        return speaking_role(kind, self.roles[partner])


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
        self._signaller = Signaller(database, handoff)
        self._router = MessageRouter(database, handoff, self._intake)

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
                await quarantine.revive(connection, batch.waiting)
        await self._hand_over(handed)
        for message in batch.commands:
            self._start(self._command(message))
        return len(messages)

    async def _command(self, message: inbox.Message) -> None:
        if message.attempts >= MAX_ATTEMPTS:
            async with self._database.transaction() as connection:
                await quarantine.put(connection, message.id, "not carried out after many attempts", Origin.PLATFORM)
            return
        await self._router.route(message)

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
        await self._signaller.note()
        async with self._database.transaction() as connection:
            if time.monotonic() >= self._revive_at:
                self._revive_at = time.monotonic() + REVIVE_EVERY_S
                await quarantine.revive(connection)
                await master_data.prune(connection)
            waiting = await signals.due(connection, BATCH)
            messages = await signals.due_messages(connection, BATCH)
            handed = await _again(connection, waiting)
        taken = {it.event_id for it in waiting if it.taken}
        await self._hand_over(handed, taken)
        for message in messages:
            self._start(self._once_more(message))

    async def _once_more(self, message: inbox.Message) -> None:
        """A workflow was told of a message long ago: tell it again, unless it still has something to do."""
        if await self._handoff.at_rest(message.workflow_id) in (Rest.IDLE, Rest.GONE):
            await self._router.route(message)

    async def _place(self, connection: Connection, messages: list[inbox.Message]) -> tuple[Batch, Handed]:
        batch = Batch(commands=[m for m in messages if m.kind != inbox.EVENT])
        if batch.commands:
            ids = [m.id for m in batch.commands]
            await inbox.postpone(connection, ids, COMMAND_RETRY_S, COMMAND_RETRY_MOST_S)
        decoded = [(m, d) for m in messages if m.kind == inbox.EVENT and (d := await _decode(connection, m))]
        batch.roles = await partners.roles(connection, [m.partner for m, _ in decoded])
        fresh = await _without_repeats(connection, decoded)
        await _take_places(connection, fresh)
        await self._correlate(connection, fresh, batch)
        new = await events.place(connection, batch.placed)
        left = await signals.left_behind(connection, sorted({k for it in batch.placed for k in it.orders}))
        handed = await _again(connection, left)
        fresh_ones = [it for it in batch.placed if it.unique_id in new]
        for it in fresh_ones:
            for key, event in it.orders.items():
                handed[key].append(event)
        await inbox.routed(connection, [it.said.inbox_id for it in fresh_ones])
        return batch, handed

    async def _correlate(
        self, connection: Connection, fresh: list[tuple[inbox.Message, MilestoneEnvelope]], batch: Batch
    ) -> None:
        """Place each event on its orders. A link made by one event of the batch counts for the next."""
        lookup = await look_up(connection, [envelope.data for _, envelope in fresh])
        astray = await misdirected(connection, [envelope for _, envelope in fresh])
        links: list[tuple[str, str]] = []
        quarantined: list[quarantine.Quarantine] = []
        for message, envelope in sorted(fresh, key=lambda pair: not pair[1].data.lines):
            said = envelope.data
            placement: Placement[SentLine] | Unplaced = Unplaced("the partner is not active", Origin.OWNERSHIP)
            if why := astray.get((envelope.source, envelope.id)):
                placement = Unplaced(why)
            elif message.partner in batch.roles:
                role = batch.role(message.partner, said.kind)
                placement = correlate(said, message.partner, role, lookup.facts(said))
            booked = await measuring.milestone(connection, said, placement, self._intake.registry)
            if isinstance(booked, Unplaced):
                quarantined.append(quarantine.Quarantine(message.id, booked.reason, booked.origin, booked.waiting_for))
                continue
            if booked.links and said.shipment:
                lookup.link(said.shipment, booked.orders)
                links.extend((said.shipment, key) for key in booked.orders)
            role = batch.role(message.partner, said.kind)
            batch.placed.append(event_mapping.placed(message, envelope, booked.orders, role))
        if links:
            await events.link_shipments(connection, links)
        batch.waiting = [it.message for it in quarantined if it.waiting_for]
        if quarantined:
            await quarantine.put_all(connection, quarantined)

    async def _hand_over(self, handed: Handed, taken: set[str] | None = None) -> None:
        """Tell the workflows that are concerned: an order, or its returns. Of what Temporal has had (`resting`), only
        those that have nothing to do: their workflow has dropped it, or its run was replaced."""
        addressed: dict[tuple[str, str], list[MilestoneEvent]] = defaultdict(list)
        for key, found in handed.items():
            for event in found:
                addressed[key, event_mapping.addressee(key, event)].append(event)
        await asyncio.gather(*(self._tell(key, to, it, taken or set()) for (key, to), it in addressed.items()))

    async def _tell(self, key: str, workflow: str, found: list[MilestoneEvent], taken: set[str]) -> None:
        if any(event.id in taken for event in found):
            busy = await self._handoff.at_rest(workflow) in (Rest.BUSY, Rest.AWAY)
            found = [event for event in found if not (busy and event.id in taken)]
        if found:
            await self._signaller.tell(key, workflow, found)


async def _again(connection: Connection, waiting: list[signals.WaitingEvent]) -> Handed:
    """Events from the log, as they are handed over once more."""
    roles = await partners.roles(connection, [event.partner for event in waiting]) if waiting else {}
    handed: Handed = defaultdict(list)
    for event in waiting:
        handed[event.order_key].append(event_mapping.again(event, roles.get(event.partner, (Role.CARRIER,))))
    return handed


async def _decode(connection: Connection, message: inbox.Message) -> MilestoneEnvelope | None:
    """The event of a message. What comes back goes through the door: the gateway keeps webhooks that it has refused."""
    try:
        return admit_own(message.raw, message.partner) if message.came_back else read_own(message.raw, message.partner)
    except InvalidMessage as refusal:
        await quarantine.put(connection, message.id, str(refusal)[:500], Origin.TRANSFORMATION)
        return None


async def _without_repeats(
    connection: Connection, decoded: list[tuple[inbox.Message, MilestoneEnvelope]]
) -> list[tuple[inbox.Message, MilestoneEnvelope]]:
    """Settle repeats of a known event, and of one earlier in this batch, as superseded. One that says something else
    waits for what becomes of the earlier one, and takes its place should that be quarantined."""
    known = await events.known(connection, [(e.source, e.id) for _, e in decoded])
    first: dict[tuple[str, str], inbox.Message] = {}
    fresh, settled = [], []
    for message, envelope in decoded:
        name = (envelope.source, envelope.id)
        earlier = first.setdefault(name, message)
        if known.get(name, message.id) != message.id:
            settled.append((message.id, f"repeats message {known[name]}"))
        elif earlier is message:
            fresh.append((message, envelope))
        elif earlier.raw == message.raw:
            settled.append((message.id, f"repeats message {earlier.id}"))
    if settled:
        await inbox.settle(connection, [i for i, _ in settled], "superseded", [reason for _, reason in settled])
    return fresh


async def _take_places(connection: Connection, fresh: list[tuple[inbox.Message, MilestoneEnvelope]]) -> None:
    """Events take the place of what is in quarantine under their source and id."""
    sources = {message.id: envelope.source for message, envelope in fresh}
    found = await repeats.earlier(connection, [message for message, _ in fresh]) if fresh else []
    replaced = [it for it in found if stated(it.message.raw, "source") == sources[it.by]]
    if replaced:
        await repeats.replace(connection, replaced)
