"""An ERP in Tryton: what became of its sales, on their shipments and in notes on the sale."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from connectors.once import written_once
from connectors.ports import Call
from connectors.tryton.client import Row
from connectors.tryton.codes import LEFT, NOTED_CHANGES, REACHED_BY, SALE, SHIPMENT, UNDECIDED_SALES, TrytonState
from connectors.tryton.journal import JournalEntry, Told, superseded
from connectors.tryton.mapping import SHIPMENT_FIELDS, Shipment, order_of, shipment_of
from connectors.tryton.moving import ShipmentMoves
from connectors.tryton.records import TrytonRecords
from connectors.tryton.warehouse import LIST_LAG_S
from schemas.messaging.instructions import Accepted, ErpCancellation, ErpChange, ErpMilestone, ErpPromise
from schemas.orders.milestones import MilestoneKind

Act = Callable[[Row], Awaitable[object]]


@dataclass(frozen=True)
class TrytonErp:
    """See ErpPort. The note is written last: a call that died half-way is done again, and finds what is so already."""

    records: TrytonRecords
    moves: ShipmentMoves

    async def report_milestone(self, message: ErpMilestone, call: Call) -> Accepted:
        """See ErpPort. A sale's shipment is pushed on as far as the milestone, and takes our shipment's number."""
        order, each = order_of(call.key, message.order), message.milestone is MilestoneKind.EXCEPTION
        about = f"{message.milestone} {call.key if each else message.shipment}"
        entry = JournalEntry(
            order=order,
            key=call.key,
            told=Told.MILESTONE,
            revision=message.revision,
            about=about,
            occurred_at=message.occurred_at,
        )

        async def act(sale: Row) -> None:
            if message.correction:
                raise self.records.refused(f"correct {message.milestone} of {message.shipment} by hand")
            if state := REACHED_BY.get(message.milestone):
                await self._reach(await self._shipment(sale, message, call), state, message, call)

        return await self._once(message.order, entry, "", call, act)

    async def reschedule_promise(self, message: ErpPromise, call: Call) -> Accepted:
        """See ErpPort. The day goes to the shipments that are not picked: a sale in process keeps its own."""
        order, told = order_of(call.key, message.order), Told.PROMISED
        entry = JournalEntry(order=order, key=call.key, told=told, revision=message.revision, day=message.promised_on)

        async def act(sale: Row) -> None:
            for shipment in await self._open(sale, call):
                await self.moves.reschedule(shipment, message.promised_on, call)

        return await self._once(message.order, entry, message.reason, call, act)

    async def report_change(self, message: ErpChange, call: Call) -> Accepted:
        """See ErpPort. Changes that are for people to know are noted. Those that its books must follow are refused:
        only people can make them in a sale that is in process."""
        order, about = order_of(call.key, message.order), f"{message.change} {message.shipment} {message.rma}".strip()
        entry = JournalEntry(order=order, key=call.key, told=Told.CHANGED, revision=message.revision, about=about)

        async def act(sale: Row) -> None:
            if message.change not in NOTED_CHANGES:
                raise self.records.refused(f"change sale {sale.get('number')} by hand: {message.change}")

        return await self._once(message.order, entry, message.reason, call, act)

    async def confirm_cancellation(self, message: ErpCancellation, call: Call) -> Accepted:
        """See ErpPort. Of a sale in process the shipments are cancelled; Tryton then asks people what to do with it."""
        order, told = order_of(call.key, message.order), Told.CANCELLED
        entry = JournalEntry(order=order, key=call.key, told=told, revision=message.revision)

        async def act(sale: Row) -> None:
            if sale.get("state") in UNDECIDED_SALES:
                await self.records.client.push(SALE, sale["id"], "cancel", ("state",), call)
                return
            shipments = await self.records.sale_shipments(sale, call)
            if left := [it.number for it in shipments if it.state in LEFT]:
                raise self.records.refused(f"shipment {', '.join(left)} has left")
            for shipment in shipments:
                await self.moves.push(shipment, "cancel", call)

        return await self._once(message.order, entry, message.reason, call, act)

    async def _once(self, number: str, entry: JournalEntry, reason: str, call: Call, act: Act) -> Accepted:
        async def told() -> tuple[Row, str, list[JournalEntry]]:
            sale = await self.records.sale(number, call)
            resource = f"{SALE},{sale['id']}"
            return sale, resource, await self.records.notes(entry.order, [resource], call)

        async def look() -> Accepted | None:
            _, resource, entries = await told()
            return Accepted(reference=resource) if any(it.key == entry.key for it in entries) else None

        async def write() -> Accepted:
            sale, resource, entries = await told()
            if superseded(entry, entries):
                return Accepted(reference=resource, superseded=True)
            await act(sale)
            await self.records.note(resource, entry, reason, call)
            return Accepted(reference=resource)

        return await written_once(call, look, write, LIST_LAG_S)

    async def _open(self, sale: Row, call: Call) -> list[Shipment]:
        return [it for it in await self.records.sale_shipments(sale, call) if it.state not in LEFT]

    async def _shipment(self, sale: Row, message: ErpMilestone, call: Call) -> Shipment:
        """The shipment that has our number; else the one that has not left and has the same packs.

        Tryton knows items and no lines of ours, so that packs are compared by their sum.
        """
        client, field = self.records.client, self.records.settings.shipment_number_in
        ours: list[object] = [["id", "in", sale.get("shipments") or []], [field, "=", message.shipment]]
        if message.shipment and (rows := await client.find(SHIPMENT, ours, SHIPMENT_FIELDS, call, limit=1)):
            return client.read(shipment_of, rows[0])
        packs = sum(it.quantity for it in message.lines)
        found = [it for it in await self._open(sale, call) if not packs or sum(it.items.values()) == packs]
        if len(found) != 1:
            said = f"{len(found)} open shipments of sale {sale.get('number')} have {packs or 'its'} packs"
            raise self.records.refused(said)
        return found[0]

    async def _reach(self, shipment: Shipment, state: TrytonState, message: ErpMilestone, call: Call) -> None:
        if message.shipment:
            field = self.records.settings.shipment_number_in
            await self.records.client.write(SHIPMENT, shipment.id, {field: message.shipment}, ("state",), call)
        reached = await self.moves.advance(shipment, state, call)
        if reached.state is TrytonState.WAITING:
            raise self.records.refused(f"short stock: shipment {reached.number} waits")
