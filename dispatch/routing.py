"""Routing of messages that are no events: releases, documents, batches and commands."""

import asyncio
from weakref import WeakValueDictionary

from dispatch.events.admission import digest_of
from dispatch.handoff import TemporalHandoff
from dispatch.inventory.intake import BULK, Intake
from dispatch.orders.units import measured
from dispatch.partners.master_data import cleared
from dispatch.procurement.purchases import PURCHASING, take_in
from dispatch.requests import record_of
from domain.partners.master_data import named_in_command, named_in_release
from schemas.base import Origin
from schemas.orders.release import OrderStatus, ReleaseRequest
from schemas.partners.master_data import MasterKind, MasterName
from store.engine import Database
from store.messaging import inbox, quarantine, verdicts
from store.messaging.inbox import Message, NewMessage
from store.orders import measures, orders

HANDOFF_TIMEOUT_S = 10.0
"""Seconds for Temporal to take a message; the relay tries again afterwards."""
MAX_ATTEMPTS = 200
"""Attempts before a message is quarantined. Attempts while Temporal is away count no further than to half."""


class MessageRouter:
    """Carries messages to where they are decided. Messages that cannot be carried there now are tried again by the
    relay."""

    def __init__(self, database: Database, handoff: TemporalHandoff, intake: Intake) -> None:
        self._database, self._handoff, self._intake = database, handoff, intake
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def route(self, message: Message) -> None:
        """Carry one message."""
        if message.kind == inbox.RELEASE:
            await self._release(message)
        elif message.kind in PURCHASING:
            await take_in(self._database, self._handoff, message, HANDOFF_TIMEOUT_S, self._intake.registry)
        elif message.kind in BULK:
            await self._intake.take(message)
        else:
            await self._command(message)

    async def _release(self, message: Message) -> None:
        async with self._database.connection() as connection:
            known = await orders.by_inbox(connection, [message.id])
        if message.id not in known:
            return
        key, status = known[message.id]
        if status == OrderStatus.RELEASED:  # one that has been started before has been cleared
            async with self._database.connection() as connection:
                request = await measures.unmeasured(connection, key)
                names = named_in_release(message.partner, request or await orders.release_of(connection, key))
            if not await cleared(self._database, self._intake.registry, message, names):
                return
            if request and not await self._measured(message, key, request):
                return
        if await self._handoff.release(key, HANDOFF_TIMEOUT_S) is None:
            await self._cap_attempts(message)

    async def _measured(self, message: Message, key: str, request: ReleaseRequest) -> bool:
        """Whether the order's lines are whole numbers of the units that their items are kept in. Else it waits for
        another word of its ERP on the first item."""
        async with self._database.transaction() as connection:
            found = await measured(connection, message.partner, request)
            if not found.findings:
                await measures.convert(connection, key, request, found.converted)
                return True
            said = "; ".join(f"{it['field']}: {it['rule']}" for it in found.findings)
            waiting_for = MasterName(message.partner, MasterKind.ITEM, request.lines[0].item).waiting_for
            await quarantine.put(connection, message.id, said[:500], Origin.PARTNER_MESSAGE, waiting_for)
        return False

    async def _command(self, message: Message) -> None:
        """A command that the gateway could not signal, or whose verdict it did not live to see. Earlier ones go first:
        of two amendments the second counts."""
        workflow = record_of(message.kind, message.raw).workflow_id
        turn = self._turns.setdefault(workflow, asyncio.Lock())
        async with turn:
            async with self._database.connection() as connection:
                before = await inbox.left_behind(connection, workflow, message.id)
            for it in (*before, message):
                if not await self._delivered(it):
                    await self._cap_attempts(message)
                    return

    async def _delivered(self, message: Message) -> bool:
        """Signal a command to a workflow; False when it must wait, and with it those behind it."""
        record = record_of(message.kind, message.raw)
        names = named_in_command(record.subject.owner, record.request)
        if not await cleared(self._database, self._intake.registry, message, names):
            return True  # it waits for master data, which may never come
        kept = NewMessage(
            partner=message.partner,
            channel="",
            kind=message.kind,
            external_id=message.external_id,
            digest=digest_of(message.raw),
            raw=message.raw,
            workflow_id=record.workflow_id,
        )
        async with self._database.transaction() as connection:
            first = await verdicts.first(connection, kept)
            if first.id != message.id:
                other = "" if first.digest == kept.digest else " with other content"
                await verdicts.settle_command(connection, message.id, f"repeats message {first.id}{other}")
                return True
        return await self._handoff.command(record, first, HANDOFF_TIMEOUT_S)

    async def _cap_attempts(self, message: Message) -> None:
        async with self._database.connection() as connection:
            await inbox.cap_attempts(connection, message.id, MAX_ATTEMPTS // 2)
