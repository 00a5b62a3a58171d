"""Transport: tender, amend, hold and resume, void, intercept, collect a return."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from temporalio import activity

from activities.execution.executor import EffectExecutor
from connectors.ports import TmsPort
from schemas.ids import EffectKey
from schemas.messaging.effects import Effect, EffectReceipt, Operation
from schemas.messaging.instructions import (
    Interception,
    ReturnCollection,
    Tender,
    TenderAmendment,
    TenderHold,
    TenderVoid,
)
from schemas.orders.release import OrderRelease


@dataclass(frozen=True)
class TmsActivities:
    """Effects on the transport desk of an order's region. Names and addresses come from the store."""

    port: TmsPort
    executor: EffectExecutor

    def all(self) -> list[Callable[..., Any]]:
        """Every activity, for the worker."""
        return [self.tender, self.amend, self.hold, self.resume, self.void, self.intercept, self.collect_return]

    @activity.defn(name="tms.tender_transport")
    async def tender(self, effect: Effect) -> EffectReceipt:
        """Offer the transport of the whole order, or of the packs that the effect names; the receipt may name the
        carrier."""
        release = await self.executor.release(effect)
        message = Tender(
            order=release.number,
            ship_from=release.ship_from,
            ship_to=release.ship_to,
            carrier=_wanted(effect, release),
            mode=release.mode,
            incoterm=release.incoterm,
            revision=effect.revision,
            packs=sum(line.quantity for line in release.lines) if effect.packs is None else effect.packs,
            promised_on=effect.promised_on or release.requested_on,
            expedite=effect.expedite,
            site=effect.site or None,
        )
        return await self.executor.execute(effect, release.region, lambda call: self.port.tender(message, call))

    @activity.defn(name="tms.amend_tender")
    async def amend(self, effect: Effect) -> EffectReceipt:
        """Tell how many packs a site's transport is to have now, and what else changed."""
        release = await self.executor.release(effect)
        message = TenderAmendment(
            order=release.number,
            site=effect.site or None,
            revision=effect.revision,
            packs=effect.packs,
            ship_to=release.ship_to if effect.address else None,
            promised_on=effect.promised_on,
            expedite=effect.expedite,
            reason=effect.reason,
        )
        return await self.executor.execute(effect, release.region, lambda call: self.port.amend(message, call))

    @activity.defn(name="tms.hold_transport")
    async def hold(self, effect: Effect) -> EffectReceipt:
        """Let nothing be picked up."""
        return await self._hold(effect)

    @activity.defn(name="tms.resume_transport")
    async def resume(self, effect: Effect) -> EffectReceipt:
        """Let it be picked up again."""
        return await self._hold(effect)

    async def _hold(self, effect: Effect) -> EffectReceipt:
        release = await self.executor.release(effect)
        on = effect.operation is Operation.HOLD_TRANSPORT
        message = TenderHold(order=release.number, revision=effect.revision, on=on, reason=effect.reason)
        return await self.executor.execute(effect, release.region, lambda call: self.port.hold(message, call))

    @activity.defn(name="tms.void_tender")
    async def void(self, effect: Effect) -> EffectReceipt:
        """Take the tender back."""
        release = await self.executor.release(effect)
        message = TenderVoid(
            order=release.number, revision=effect.revision, reason=effect.reason, site=effect.site or None
        )
        return await self.executor.execute(effect, release.region, lambda call: self.port.void(message, call))

    @activity.defn(name="tms.intercept_shipment")
    async def intercept(self, effect: Effect) -> EffectReceipt:
        """Have a shipment under way brought back."""
        release = await self.executor.release(effect)
        message = Interception(order=release.number, shipment=effect.shipment, reason=effect.reason)
        return await self.executor.execute(effect, release.region, lambda call: self.port.intercept(message, call))

    @activity.defn(name="tms.collect_return")
    async def collect_return(self, effect: Effect) -> EffectReceipt:
        """Have goods collected at the customer."""
        release = await self.executor.release(effect)
        message = ReturnCollection(
            order=release.number,
            rma=effect.rma,
            ship_from=release.ship_to,
            site=effect.site or release.site or release.ship_from.id,
            packs=sum(line.quantity for line in effect.lines),
        )
        return await self.executor.execute(effect, release.region, lambda call: self.port.collect_return(message, call))


def _wanted(effect: Effect, release: OrderRelease) -> str | None:
    """The carrier to offer it to. The one that the release names is asked first only: it may have declined."""
    first = effect.key == str(EffectKey(effect.subject, effect.operation))
    return effect.carrier or (release.carrier if first else None)
