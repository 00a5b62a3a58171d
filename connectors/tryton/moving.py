"""A shipment from state to state, by Tryton's buttons. Each step can be repeated: only what is not so yet is done."""

from dataclasses import dataclass
from datetime import date

from connectors.http.vendor import API_ORIGIN
from connectors.ports import Call, Refused, Unavailable
from connectors.tryton.codes import BACK, FORWARD, RISING, SHIPMENT, TrytonState
from connectors.tryton.journal import Wanted
from connectors.tryton.mapping import SHIPMENT_FIELDS, Shipment, Warehouse, changes, shipment_of, tryton_day
from connectors.tryton.records import TrytonRecords

State = TrytonState


@dataclass(frozen=True)
class ShipmentMoves:
    """Raises `Refused` where Tryton's rules forbid a step, beside what calls raise."""

    records: TrytonRecords

    async def settle(self, shipment: Shipment, wanted: Wanted, at: Warehouse, call: Call) -> Shipment:
        """Have a shipment as it is wanted: changed as a draft, then reserved again unless it is held."""
        known = await self.records.items((it for it in wanted.items if it not in shipment.items), call)
        currency = await self.records.currency(call) if known else 0
        needed = changes(shipment, wanted, known, at, currency)
        if needed or wanted.held:
            shipment = await self._draft(shipment, call)
        if needed:
            row = await self.records.client.write(SHIPMENT, shipment.id, needed, SHIPMENT_FIELDS, call)
            shipment = self.records.client.read(shipment_of, row)
        if wanted.held or not shipment.items:
            return shipment
        return await self.reserve(shipment, call)

    async def reschedule(self, shipment: Shipment, day: date, call: Call) -> None:
        """Plan a sale's shipment for another day; one that is picked keeps its own. Only a draft takes a day, so that
        it goes back and comes on again."""
        if shipment.state not in BACK:
            return
        was = shipment.state
        if shipment.day != day:
            shipment = await self._draft(shipment, call)
            planned = {"planned_date": tryton_day(day)}
            row = await self.records.client.write(SHIPMENT, shipment.id, planned, SHIPMENT_FIELDS, call)
            shipment = self.records.client.read(shipment_of, row)
        await self.advance(shipment, max(was, State.WAITING, key=RISING.index), call)

    async def reserve(self, shipment: Shipment, call: Call) -> Shipment:
        """Assign stock. Raises Refused when it is short, unless the settings accept that. Tryton then holds what there
        is; it is let go again, or a shipment that nobody picks would keep stock from others."""
        shipment = await self.advance(shipment, State.ASSIGNED, call)
        if shipment.state is State.WAITING and self.records.settings.short_stock == "refuse":
            await self.push(shipment, "wait", call)
            raise self.records.refused(f"short stock: shipment {shipment.number} waits")
        return shipment

    async def advance(self, shipment: Shipment, to: State, call: Call) -> Shipment:
        """Push on as far as a state. Stops where a button has succeeded and changed nothing, as with short stock."""
        if shipment.state is State.CANCELLED:
            raise self.records.refused(f"shipment {shipment.number} is cancelled")
        while RISING.index(shipment.state) < RISING.index(to):
            after = await self.push(shipment, FORWARD[shipment.state], call)
            if after.state is shipment.state:
                return after
            shipment = after
        return shipment

    async def push(self, shipment: Shipment, button: str, call: Call) -> Shipment:
        """Push one button. A refusal of a shipment that somebody else has just moved is none. Tryton says 400 to both,
        so the shipment is looked at again."""
        client = self.records.client
        try:
            return client.read(shipment_of, await client.push(SHIPMENT, shipment.id, button, SHIPMENT_FIELDS, call))
        except Refused as refused:
            rows = await client.find(SHIPMENT, [["id", "=", shipment.id]], ("state",), call, limit=1)
            if rows and rows[0].get("state") != shipment.state:
                said = f"{client.system}: shipment {shipment.number} was moved at the same time"
                raise Unavailable(API_ORIGIN[client.system], said) from refused
            raise

    async def _draft(self, shipment: Shipment, call: Call) -> Shipment:
        if shipment.state not in BACK:
            raise self.records.refused(f"shipment {shipment.number} is {shipment.state}")
        for button in BACK[shipment.state]:
            shipment = await self.push(shipment, button, call)
        return shipment
