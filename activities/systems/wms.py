"""The warehouse: instruct, amend, hold and resume, cancel, expect a return."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from temporalio import activity

from activities.execution.executor import EffectExecutor
from activities.systems import wms_messages
from connectors.ports import WmsPort
from schemas.messaging.effects import Effect, EffectReceipt
from schemas.messaging.instructions import WarehouseHold
from schemas.messaging.order_effects import (
    AmendWarehouse,
    CancelWarehouse,
    ExpectReturn,
    HoldWarehouse,
    InstructWarehouse,
    ResumeWarehouse,
)
from schemas.orders.release import OrderRelease


@dataclass(frozen=True)
class WmsActivities:
    """Effects on the warehouse of a site. Names and addresses come from the store, not from the workflow."""

    port: WmsPort
    executor: EffectExecutor

    def all(self) -> list[Callable[..., Any]]:
        """Every activity, for the worker."""
        return [self.instruct, self.amend, self.hold, self.resume, self.cancel, self.expect_return]

    @activity.defn(name="wms.instruct_warehouse")
    async def instruct(self, effect: Effect[InstructWarehouse]) -> EffectReceipt:
        """Send the pick instruction: the whole order, or the packs that the effect names."""
        release = await self.executor.release(effect, effect.payload.address_from)
        message = wms_messages.instruct_warehouse(effect, release)
        return await self.executor.execute(effect, message.site, lambda call: self.port.instruct(message, call))

    @activity.defn(name="wms.amend_warehouse")
    async def amend(self, effect: Effect[AmendWarehouse]) -> EffectReceipt:
        """Tell a site what it is to have now of the lines that changed."""
        release = await self.executor.release(effect, effect.payload.address_from)
        message = wms_messages.amend_warehouse(effect, release)
        return await self.executor.execute(effect, message.site, lambda call: self.port.amend(message, call))

    @activity.defn(name="wms.hold_warehouse")
    async def hold(self, effect: Effect[HoldWarehouse]) -> EffectReceipt:
        """Stop the work of a site."""
        release = await self.executor.release(effect)
        return await self._hold(effect, release, wms_messages.hold_warehouse(effect, release))

    @activity.defn(name="wms.resume_warehouse")
    async def resume(self, effect: Effect[ResumeWarehouse]) -> EffectReceipt:
        """Let a site go on."""
        release = await self.executor.release(effect)
        return await self._hold(effect, release, wms_messages.resume_warehouse(effect, release))

    async def _hold(self, effect: Effect, release: OrderRelease, message: WarehouseHold) -> EffectReceipt:
        site = wms_messages.site_of(effect, release)
        return await self.executor.execute(effect, site, lambda call: self.port.hold(message, call))

    @activity.defn(name="wms.cancel_warehouse")
    async def cancel(self, effect: Effect[CancelWarehouse]) -> EffectReceipt:
        """Take the pick instruction back."""
        release = await self.executor.release(effect)
        message = wms_messages.cancel_warehouse(effect, release)
        site = wms_messages.site_of(effect, release)
        return await self.executor.execute(effect, site, lambda call: self.port.cancel(message, call))

    @activity.defn(name="wms.expect_return")
    async def expect_return(self, effect: Effect[ExpectReturn]) -> EffectReceipt:
        """Announce goods that come back."""
        release = await self.executor.grown_release(effect)
        message = wms_messages.expect_return(effect, release)
        site = wms_messages.site_of(effect, release)
        return await self.executor.execute(effect, site, lambda call: self.port.expect_return(message, call))
