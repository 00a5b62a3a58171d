"""Karrio as a transport desk: tender, amend, void, collect a return.

A tender becomes a draft with rates, then one rate is bought. A draft obliges nobody, so an attempt that ended halfway
is gone on with, and a draft too many is cancelled. What replaces a booking is bought before the old one is cancelled:
at no moment is there no transport.
"""

import asyncio
from dataclasses import dataclass, replace
from datetime import date

from connectors.karrio import mapping
from connectors.karrio.mapping import (
    DAY,
    KEY,
    REASON,
    REVISION,
    VOID,
    VOID_REVISION,
    BookedShipment,
    BookingOrder,
    TooManyParcels,
    oldest,
)
from connectors.karrio.rates import NoRate, RateWish, choose
from connectors.karrio.settings import KarrioSettings
from connectors.karrio.shipments import Shipments
from connectors.once import Pause
from connectors.ports import Call, Refused
from schemas.base import Origin
from schemas.messaging.instructions import (
    Accepted,
    Interception,
    ReturnCollection,
    Tender,
    TenderAmendment,
    TenderHold,
    TenderVoid,
)

PURCHASE_WAITS_S = (0.5, 1.0, 1.5)
"""Looks at a draft before it is bought by a later attempt. Together with the time since the first one, they are longer
than carriers take for a label."""


@dataclass(frozen=True)
class KarrioTms:
    """See TmsPort."""

    shipments: Shipments
    settings: KarrioSettings
    pause: Pause = asyncio.sleep

    async def tender(self, message: Tender, call: Call) -> Accepted:
        """See TmsPort. Refused with the reason when no rate keeps the wish: then the next carrier can be asked."""
        reference = mapping.reference_of(call.key, message.order, message.site)
        wish = self._wish(message.promised_on, message.carrier, expedite=message.expedite)
        order = self._order(
            reference,
            call,
            message.revision,
            message.packs,
            (wish,),
            notes={DAY: message.promised_on},
            shipper=mapping.address(message.ship_from, self.settings),
            recipient=mapping.address(message.ship_to, self.settings),
            carrier_ids=[wish.carrier] if wish.carrier else [],
        )
        return await self._book(order, call)

    async def amend(self, message: TenderAmendment, call: Call) -> Accepted:
        """See TmsPort. A label cannot be changed: another one is bought, of the same carrier where it can, and the old
        one cancelled. Packs that have left stay as they are."""
        reference = mapping.reference_of(call.key, message.order, message.site)
        known = await self.shipments.of(reference, call)
        if done := _done(known, call.key):
            return await self._settled(done, known, message.revision, call)
        if newer := _newer(known, message.revision):
            return self._accepted(newer, superseded=True)
        current = next((it for it in reversed(known) if it.is_live), None)
        if current is None:
            raise self._refused("nothing_tendered")
        left = sum(it.packs for it in known if it.is_departed)
        live = [it for it in known if it.is_live and not it.is_departed]
        packs = sum(it.packs for it in live) if message.packs is None else max(0, message.packs - left)
        if packs == 0:
            for booking in live:
                await self._take_back(booking, call, message.revision, message.reason)
            return self._accepted(current)
        return await self._book(self._amended(message, current, packs, call), call)

    def _amended(self, message: TenderAmendment, current: BookedShipment, packs: int, call: Call) -> BookingOrder:
        said, day = current.said, message.promised_on or current.promised_on
        anybody = self._wish(day, None, expedite=message.expedite)
        to = mapping.address(message.ship_to, self.settings) if message.ship_to else None
        return self._order(
            current.reference,
            call,
            message.revision,
            packs,
            (replace(anybody, carrier=current.carrier), anybody) if not message.expedite else (anybody,),
            notes={DAY: day, REASON: message.reason},
            shipper=mapping.same_address(said["shipper"]),
            recipient=to or mapping.same_address(said["recipient"]),
        )

    async def hold(self, message: TenderHold, call: Call) -> Accepted:
        """Karrio cannot: a label that was bought is good until it is cancelled. Raises Refused."""
        raise self._refused("cannot_hold")

    async def void(self, message: TenderVoid, call: Call) -> Accepted:
        """See TmsPort. Bookings of a higher revision stay. A void of what was never tendered leaves no trace: a tender
        that comes after it is booked."""
        reference = mapping.reference_of(call.key, message.order, message.site)
        known = await self.shipments.of(reference, call)
        due = [it for it in known if it.revision <= message.revision]
        if done := next((it for it in due if it.voided_by == call.key and it.is_cancelled), None):
            live = [it for it in due if it.is_live or it.is_draft]
            if not live:
                return self._accepted(done, replayed=True)
        taken = [it for it in due if not it.is_cancelled and not it.is_departed]
        if not taken and any(it.is_departed for it in due):
            raise self._refused("picked_up")
        for booking in taken:
            await self._take_back(booking, call, message.revision, message.reason)
        last = (taken or due)[-1] if taken or due else None
        return self._accepted(last, replayed=not taken) if last else Accepted(reference=reference)

    async def intercept(self, message: Interception, call: Call) -> Accepted:
        """Karrio cannot. Raises Refused."""
        raise self._refused("cannot_intercept")

    async def collect_return(self, message: ReturnCollection, call: Call) -> Accepted:
        """See TmsPort. By the cheapest carrier; the site's address stands in the settings. Of a return label, Karrio
        turns sender and receiver round by itself."""
        site = self.settings.sites.get(message.site)
        if site is None:
            raise self._refused(f"the settings have no address of the site {message.site}", Origin.PLATFORM)
        owner = mapping.reference_of(call.key, message.order, None)
        customer, ours = mapping.address(message.ship_from, self.settings), mapping.site_address(site)
        label = self.settings.return_labels
        order = self._order(
            mapping.bounded(f"{owner}/{message.rma}"),
            call,
            0,
            message.packs,
            (self._wish(None, None),),
            notes={},
            shipper=ours if label else customer,
            recipient=customer if label else ours,
            is_return=label,
        )
        return await self._book(order, call)

    def _order(
        self,
        reference: str,
        call: Call,
        revision: int,
        packs: int,
        wishes: tuple[RateWish, ...],
        *,
        notes: dict[str, object],
        **parts: object,
    ) -> BookingOrder:
        notes = {KEY: call.key, REVISION: revision, **notes}
        try:
            body = mapping.shipment(reference, notes, packs, self.settings, **parts)
        except TooManyParcels:
            raise self._refused("too_many_parcels") from None
        return BookingOrder(reference, call.key, revision, body, wishes)

    async def _book(self, order: BookingOrder, call: Call) -> Accepted:
        known = await self.shipments.of(order.reference, call)
        if done := _done(known, order.key):
            return await self._settled(done, known, order.revision, call)
        if over := _newer(known, order.revision) or _ended(known, order.key):
            return self._accepted(over, superseded=True)
        draft = oldest(it for it in known if it.key == order.key and it.is_draft)
        if draft is None:
            draft = await self.shipments.create(order.body, call)
        elif call.repeated:
            draft = await self._perhaps_bought(draft, call)
        if not draft.is_live:
            draft = await self.shipments.buy(draft, await self._rate(draft, order, call), call)
        known = await self.shipments.of(order.reference, call)
        done = _done(known, order.key)  # another's, should two be at it: all keep the first
        if done is None:
            if draft.is_cancelled:
                return self._accepted(draft, superseded=True)
            raise self.shipments.changed_meanwhile()
        settled = await self._settled(done, known, order.revision, call)
        return settled.model_copy(update={"replayed": done.id != draft.id})

    async def _perhaps_bought(self, draft: BookedShipment, call: Call) -> BookedShipment:
        """The draft, or what has become of it meanwhile: Karrio may still be at the carrier for an attempt that we gave
        up, and does not keep a second purchase apart."""
        for wait_s in PURCHASE_WAITS_S:
            await self.pause(wait_s)
            found = await self.shipments.one(draft.id, call)
            if not found.is_draft:
                return found
        return draft

    async def _rate(self, draft: BookedShipment, order: BookingOrder, call: Call) -> str:
        why = ""
        for wish in order.wishes:
            try:
                return choose(draft.rates, wish).id
            except NoRate as error:
                why = str(error)
        await self.shipments.cancel(draft, call)
        raise self._refused(why)

    async def _settled(self, done: BookedShipment, known: list[BookedShipment], revision: int, call: Call) -> Accepted:
        """What a call booked stays; what it replaces, and what it left half done, is cancelled."""
        for other in known:
            over = other.is_draft if other.key == done.key else other.revision <= revision and not other.is_departed
            twice = other.key == done.key and other.status == done.status and other.id != done.id
            if other.id == done.id or other.is_cancelled or not (over or twice):
                continue
            left = await self.shipments.cancel(other, call)
            if not left.is_cancelled:  # the carrier was faster: two would come
                await self.shipments.cancel(done, call)
                raise self._refused("picked_up")
        return self._accepted(done, replayed=True)

    async def _take_back(self, booking: BookedShipment, call: Call, revision: int, reason: str) -> None:
        notes = {VOID: call.key, VOID_REVISION: str(revision), REASON: reason}
        await self.shipments.note(booking, {name: said for name, said in notes.items() if said}, call)
        left = await self.shipments.cancel(booking, call)
        if not left.is_cancelled:
            raise self._refused("picked_up" if left.is_departed else "has_a_pickup")

    def _wish(self, by: date | None, carrier: str | None, *, expedite: bool = False) -> RateWish:
        return RateWish(
            by=by,
            carrier=self.settings.karrio_carrier(carrier) if carrier else "",
            expedite=expedite,
            currency=self.settings.currency or "",
            unknown=self.settings.unknown_transit == "last",
        )

    def _accepted(self, booking: BookedShipment, *, replayed: bool = False, superseded: bool = False) -> Accepted:
        carrier = booking.carrier or (booking.selected.carrier if booking.selected else "")
        named = self.settings.our_carrier(carrier) if carrier else None
        return Accepted(reference=booking.id, replayed=replayed, superseded=superseded, carrier=named)

    def _refused(self, code: str, origin: Origin = Origin.TMS_API) -> Refused:
        return Refused(origin, f"tms: {code}")


def _done(known: list[BookedShipment], key: str) -> BookedShipment | None:
    """What this call has bought; the first, should there be two."""
    return oldest(it for it in known if it.key == key and it.is_live)


def _newer(known: list[BookedShipment], revision: int) -> BookedShipment | None:
    """A booking, or a void, of a higher revision. A draft that was given up booked nothing."""
    return next((it for it in known if it.voided_at > revision or (it.is_live and it.revision > revision)), None)


def _ended(known: list[BookedShipment], key: str) -> BookedShipment | None:
    """What this call had booked, when it was taken back since."""
    mine = [it for it in known if it.key == key]
    return next((it for it in mine if it.voided_by), None) if not any(it.is_draft for it in mine) else None
