"""Transport: tender, void."""

from dataclasses import dataclass

from temporalio import activity

from activities.carry import Carrier
from connectors.ports import TmsPort
from schemas.effects import Effect, EffectReceipt
from schemas.instructions import Tender, TenderVoid
from store import orders


@dataclass(frozen=True)
class TmsActivities:
    """Effects on the transport desk of an order's region."""

    port: TmsPort
    carrier: Carrier

    @activity.defn(name="tms.tender_transport")
    async def tender(self, effect: Effect) -> EffectReceipt:
        """Offer the transport; the receipt names the carrier."""
        async with self.carrier.database.connection() as connection:
            release = await orders.release_of(connection, effect.order)
        message = Tender(
            order=release.number,
            ship_from=release.ship_from,
            ship_to=release.ship_to,
            carrier=release.carrier,
            mode=release.mode,
            incoterm=release.incoterm,
            packs=sum(line.quantity for line in release.lines),
            promised_on=effect.promised_on or release.requested_on,
        )
        return await self.carrier.carry(effect, release.region, lambda call: self.port.tender(message, call))

    @activity.defn(name="tms.void_tender")
    async def void(self, effect: Effect) -> EffectReceipt:
        """Take the tender back."""
        async with self.carrier.database.connection() as connection:
            release = await orders.release_of(connection, effect.order)
        message = TenderVoid(order=release.number, reason=effect.reason)
        return await self.carrier.carry(effect, release.region, lambda call: self.port.void(message, call))
