"""A warehouse in Tryton: orders are its outgoing shipments, ours by their reference.

What we tell is noted on the shipment, or on the warehouse while there is none. The note is written last, so that a
call which died half-way is done again. Each of its steps looks first at what is so already.
"""

from dataclasses import dataclass

from connectors.once import Write, written_once
from connectors.ports import Call, Unavailable
from connectors.tryton.codes import LEFT, LOCATION, RETURN, SHIPMENT, TrytonState
from connectors.tryton.journal import JournalEntry, Told, superseded, wanted
from connectors.tryton.mapping import (
    SHIPMENT_FIELDS,
    Shipment,
    TrytonCustomer,
    Warehouse,
    amended,
    instructed,
    new_return,
    new_shipment,
    order_of,
    returned,
    shipment_of,
)
from connectors.tryton.moving import ShipmentMoves
from connectors.tryton.records import TrytonRecords
from schemas.messaging.instructions import (
    Accepted,
    ReturnNotice,
    WarehouseAmendment,
    WarehouseCancellation,
    WarehouseHold,
    WarehouseInstruction,
)

LIST_LAG_S = 2.0
"""Tryton's lists show what was committed. A request that we gave up may still be under way for a moment."""


@dataclass(frozen=True)
class KnownOrder:
    """What a warehouse has of an order: its shipment, if there is one, and what was told."""

    at: Warehouse
    shipment: Shipment | None
    entries: list[JournalEntry]

    @property
    def resource(self) -> str:
        """Where notes about it go."""
        return self.shipment.reference if self.shipment else f"{LOCATION},{self.at.id}"


@dataclass(frozen=True)
class TrytonWms:
    """See WmsPort."""

    records: TrytonRecords
    moves: ShipmentMoves

    async def instruct(self, message: WarehouseInstruction, call: Call) -> Accepted:
        """See WmsPort."""
        order = order_of(call.key, message.order)

        async def write() -> Accepted:
            customer = await self.records.customer(message.ship_to.id, call)
            address = await self.records.address(message.ship_to, customer, call)
            entry = instructed(message, order, call.key, address)
            return await self._tell(entry, "", call, customer)

        return await self._once(order, message.site, call, write)

    async def amend(self, message: WarehouseAmendment, call: Call) -> Accepted:
        """See WmsPort."""
        order = order_of(call.key, message.order)

        async def write() -> Accepted:
            address = None
            if message.ship_to is not None:
                customer = await self.records.customer(message.ship_to.id, call)
                address = await self.records.address(message.ship_to, customer, call)
            return await self._tell(amended(message, order, call.key, address), message.reason, call)

        return await self._once(order, message.site, call, write)

    async def hold(self, message: WarehouseHold, call: Call) -> Accepted:
        """See WmsPort. Tryton has no hold: a held shipment goes back to draft, which frees what was reserved."""
        order, told = order_of(call.key, message.order), Told.HELD if message.on else Told.RESUMED
        entry = JournalEntry(order=order, key=call.key, told=told, site=call.target, revision=message.revision)
        return await self._once(order, call.target, call, lambda: self._tell(entry, message.reason, call))

    async def cancel(self, message: WarehouseCancellation, call: Call) -> Accepted:
        """See WmsPort."""
        order, told = order_of(call.key, message.order), Told.CANCELLED
        entry = JournalEntry(order=order, key=call.key, told=told, site=call.target, revision=message.revision)

        async def write() -> Accepted:
            known = await self._known(order, call.target, call)
            shipment = known.shipment
            if shipment and shipment.state in LEFT:
                raise self.records.refused(f"shipment {shipment.number} is {shipment.state}")
            if shipment and shipment.state is not TrytonState.CANCELLED:
                await self.moves.push(shipment, "cancel", call)
            await self.records.note(known.resource, entry, message.reason, call)
            return Accepted(reference=known.resource)

        return await self._once(order, call.target, call, write)

    async def expect_return(self, message: ReturnNotice, call: Call) -> Accepted:
        """See WmsPort. The return is a draft with what is expected; the warehouse receives it."""
        order, client = order_of(call.key, message.order), self.records.client
        number = f"{order}/{message.rma}"

        async def created() -> Accepted | None:
            rows = await client.find(RETURN, [["reference", "=", number]], ("reference",), call, limit=1)
            return Accepted(reference=f"{RETURN},{rows[0]['id']}") if rows else None

        async def look() -> Accepted | None:
            found = await created()
            told = await self.records.notes(order, [found.reference], call) if found else []
            return found if any(it.key == call.key for it in told) else None

        async def create() -> Accepted:
            known = await self._known(order, call.target, call)
            if known.shipment is None:
                raise self.records.refused(f"unknown order {order}")
            try:
                packs = returned(message, known.entries)
            except KeyError as line:
                raise self.records.refused(f"order {order} has no line {line}") from None
            items, currency = await self.records.items(packs, call), await self.records.currency(call)
            values = new_return(number, packs, known.shipment, known.at, items, currency)
            row = await client.create(RETURN, values, ("reference",), call)
            return Accepted(reference=f"{RETURN},{row['id']}")

        async def write() -> Accepted:
            found = await written_once(call, created, create)
            entry = JournalEntry(order=order, key=call.key, told=Told.RETURN_EXPECTED, site=call.target)
            await self.records.note(found.reference, entry, message.reason, call)
            return Accepted(reference=found.reference)

        return await written_once(call, look, write, LIST_LAG_S)

    async def _once(self, order: str, site: str, call: Call, write: Write) -> Accepted:
        async def look() -> Accepted | None:
            known = await self._known(order, site, call)
            told = any(it.key == call.key for it in known.entries)
            return Accepted(reference=known.resource) if told else None

        return await written_once(call, look, write, LIST_LAG_S)

    async def _tell(
        self, entry: JournalEntry, reason: str, call: Call, customer: TrytonCustomer | None = None
    ) -> Accepted:
        """Have the order as all that was told of it says, and note this. `customer`: of an order whose shipment is
        created where there is none."""
        known = await self._known(entry.order, entry.site, call)
        if superseded(entry, known.entries):
            return Accepted(reference=known.resource, superseded=True)
        want, shipment = wanted((*known.entries, entry)), known.shipment
        if shipment is None and customer is not None:
            items, currency = await self.records.items(want.items, call), await self.records.currency(call)
            values = new_shipment(entry.order, want, customer, known.at, items, currency)
            shipment = await self._created(entry, values, known.at, call)
        if shipment is not None:
            await self.moves.settle(shipment, want, known.at, call)
        resource = shipment.reference if shipment else known.resource
        await self.records.note(resource, entry, reason, call)
        return Accepted(reference=resource)

    async def _created(self, entry: JournalEntry, values: dict[str, object], at: Warehouse, call: Call) -> Shipment:
        client = self.records.client
        try:
            row = await client.create(SHIPMENT, values, SHIPMENT_FIELDS, call)
        except Unavailable as lost:
            found = None if lost.undone else await self.records.created_shipment(entry.order, at, call)
            if found is None:
                raise
            return found
        return client.read(shipment_of, row)

    async def _known(self, order: str, site: str, call: Call) -> KnownOrder:
        at = await self.records.warehouse(site, call)
        shipment = await self.records.created_shipment(order, at, call)
        resources = [f"{LOCATION},{at.id}", *([shipment.reference] if shipment else [])]
        return KnownOrder(at, shipment, await self.records.notes(order, resources, call))
