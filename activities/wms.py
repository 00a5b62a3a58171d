"""The warehouse: instruct, cancel."""

from dataclasses import dataclass

from temporalio import activity

from activities.carry import Carrier
from connectors.ports import WmsPort
from schemas.effects import Effect, EffectReceipt
from schemas.instructions import WarehouseCancellation, WarehouseInstruction
from store import orders


@dataclass(frozen=True)
class WmsActivities:
    """Effects on the warehouse of an order's site. Names and addresses come from the store, not from the workflow."""

    port: WmsPort
    carrier: Carrier

    @activity.defn(name="wms.instruct_warehouse")
    async def instruct(self, effect: Effect) -> EffectReceipt:
        """Send the pick instruction."""
        async with self.carrier.database.connection() as connection:
            release = await orders.release_of(connection, effect.order)
        message = WarehouseInstruction(
            order=release.number,
            site=release.site or "",
            lines=release.lines,
            ship_to=release.ship_to,
            priority=release.priority,
            promised_on=effect.promised_on or release.requested_on,
        )
        return await self.carrier.carry(effect, message.site, lambda call: self.port.instruct(message, call))

    @activity.defn(name="wms.cancel_warehouse")
    async def cancel(self, effect: Effect) -> EffectReceipt:
        """Take the pick instruction back."""
        async with self.carrier.database.connection() as connection:
            release = await orders.release_of(connection, effect.order)
        message = WarehouseCancellation(order=release.number, reason=effect.reason)
        return await self.carrier.carry(effect, release.site or "", lambda call: self.port.cancel(message, call))
