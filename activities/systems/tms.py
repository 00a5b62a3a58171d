"""Transport: tender, amend, hold and resume, void, intercept, collect a return."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from temporalio import activity

from activities.execution.executor import EffectExecutor
from activities.systems import tms_messages
from connectors.ports import TmsPort
from schemas.messaging.effects import Effect, EffectReceipt
from schemas.messaging.instructions import TenderHold
from schemas.messaging.order_effects import (
    AmendTender,
    CollectReturn,
    HoldTransport,
    InterceptShipment,
    ResumeTransport,
    TenderTransport,
    VoidTender,
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
    async def tender(self, effect: Effect[TenderTransport]) -> EffectReceipt:
        """Offer the transport of the whole order, or of the packs that the effect names; the receipt may name the
        carrier."""
        release = await self.executor.release(effect, effect.payload.address_from)
        message = tms_messages.tender_transport(effect, release)
        return await self.executor.execute(effect, release.region, lambda call: self.port.tender(message, call))

    @activity.defn(name="tms.amend_tender")
    async def amend(self, effect: Effect[AmendTender]) -> EffectReceipt:
        """Tell how many packs a site's transport is to have now, and what else changed."""
        release = await self.executor.release(effect, effect.payload.address_from)
        message = tms_messages.amend_tender(effect, release)
        return await self.executor.execute(effect, release.region, lambda call: self.port.amend(message, call))

    @activity.defn(name="tms.hold_transport")
    async def hold(self, effect: Effect[HoldTransport]) -> EffectReceipt:
        """Let nothing be picked up."""
        release = await self.executor.release(effect)
        return await self._hold(effect, release, tms_messages.hold_transport(effect, release))

    @activity.defn(name="tms.resume_transport")
    async def resume(self, effect: Effect[ResumeTransport]) -> EffectReceipt:
        """Let it be picked up again."""
        release = await self.executor.release(effect)
        return await self._hold(effect, release, tms_messages.resume_transport(effect, release))

    async def _hold(self, effect: Effect, release: OrderRelease, message: TenderHold) -> EffectReceipt:
        return await self.executor.execute(effect, release.region, lambda call: self.port.hold(message, call))

    @activity.defn(name="tms.void_tender")
    async def void(self, effect: Effect[VoidTender]) -> EffectReceipt:
        """Take the tender back."""
        release = await self.executor.release(effect)
        message = tms_messages.void_tender(effect, release)
        return await self.executor.execute(effect, release.region, lambda call: self.port.void(message, call))

    @activity.defn(name="tms.intercept_shipment")
    async def intercept(self, effect: Effect[InterceptShipment]) -> EffectReceipt:
        """Have a shipment under way brought back."""
        release = await self.executor.release(effect)
        message = tms_messages.intercept_shipment(effect, release)
        return await self.executor.execute(effect, release.region, lambda call: self.port.intercept(message, call))

    @activity.defn(name="tms.collect_return")
    async def collect_return(self, effect: Effect[CollectReturn]) -> EffectReceipt:
        """Have goods collected at the customer."""
        release = await self.executor.grown_release(effect)
        message = tms_messages.collect_return(effect, release)
        return await self.executor.execute(effect, release.region, lambda call: self.port.collect_return(message, call))
