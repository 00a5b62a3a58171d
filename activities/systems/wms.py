"""The warehouse: instruct, amend, hold and resume, cancel, expect a return."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from temporalio import activity

from activities.execution.executor import EffectExecutor
from connectors.ports import WmsPort
from schemas.messaging.effects import Effect, EffectReceipt, LineTarget, Operation
from schemas.messaging.instructions import (
    ReturnNotice,
    WarehouseAmendment,
    WarehouseCancellation,
    WarehouseHold,
    WarehouseInstruction,
)
from schemas.orders.release import OrderLine, OrderRelease


@dataclass(frozen=True)
class WmsActivities:
    """Effects on the warehouse of a site. Names and addresses come from the store, not from the workflow."""

    port: WmsPort
    executor: EffectExecutor

    def all(self) -> list[Callable[..., Any]]:
        """Every activity, for the worker."""
        return [self.instruct, self.amend, self.hold, self.resume, self.cancel, self.expect_return]

    @activity.defn(name="wms.instruct_warehouse")
    async def instruct(self, effect: Effect) -> EffectReceipt:
        """Send the pick instruction: the whole order, or the packs that the effect names."""
        release = await self.executor.release(effect)
        message = WarehouseInstruction(
            order=release.number,
            site=_site(effect, release),
            revision=effect.revision,
            lines=_part(release.lines, effect.targets) if effect.targets else release.lines,
            ship_to=release.ship_to,
            priority=release.priority,
            promised_on=effect.promised_on or release.requested_on,
        )
        return await self.executor.execute(effect, message.site, lambda call: self.port.instruct(message, call))

    @activity.defn(name="wms.amend_warehouse")
    async def amend(self, effect: Effect) -> EffectReceipt:
        """Tell a site what it is to have now of the lines that changed."""
        release = await self.executor.release(effect)
        message = WarehouseAmendment(
            order=release.number,
            site=_site(effect, release),
            revision=effect.revision,
            lines=effect.targets,
            ship_to=release.ship_to if effect.address else None,
            promised_on=effect.promised_on,
            reason=effect.reason,
        )
        return await self.executor.execute(effect, message.site, lambda call: self.port.amend(message, call))

    @activity.defn(name="wms.hold_warehouse")
    async def hold(self, effect: Effect) -> EffectReceipt:
        """Stop the work of a site."""
        return await self._hold(effect)

    @activity.defn(name="wms.resume_warehouse")
    async def resume(self, effect: Effect) -> EffectReceipt:
        """Let a site go on."""
        return await self._hold(effect)

    async def _hold(self, effect: Effect) -> EffectReceipt:
        release = await self.executor.release(effect)
        on = effect.operation is Operation.HOLD_WAREHOUSE
        message = WarehouseHold(order=release.number, revision=effect.revision, on=on, reason=effect.reason)
        return await self.executor.execute(effect, _site(effect, release), lambda call: self.port.hold(message, call))

    @activity.defn(name="wms.cancel_warehouse")
    async def cancel(self, effect: Effect) -> EffectReceipt:
        """Take the pick instruction back."""
        release = await self.executor.release(effect)
        message = WarehouseCancellation(order=release.number, revision=effect.revision, reason=effect.reason)
        return await self.executor.execute(effect, _site(effect, release), lambda call: self.port.cancel(message, call))

    @activity.defn(name="wms.expect_return")
    async def expect_return(self, effect: Effect) -> EffectReceipt:
        """Announce goods that come back."""
        release = await self.executor.release(effect)
        message = ReturnNotice(order=release.number, rma=effect.rma, lines=effect.lines, reason=effect.reason)
        site = _site(effect, release)
        return await self.executor.execute(effect, site, lambda call: self.port.expect_return(message, call))


def _site(effect: Effect, release: OrderRelease) -> str:
    """The warehouse meant: the order's own unless the effect names another."""
    return effect.site or release.site or ""


def _part(lines: tuple[OrderLine, ...], targets: tuple[LineTarget, ...]) -> tuple[OrderLine, ...]:
    """What an effect names, as order lines. What the release says of an item goes with it, unless it came later."""
    known = {(x.line, x.item): x for x in lines}
    new = ((it, known.get((it.line, it.item), OrderLine(line=it.line, item=it.item, quantity=1))) for it in targets)
    return tuple(line.model_copy(update={"quantity": it.quantity}) for it, line in new if it.quantity)
