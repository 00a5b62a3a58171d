"""The ERP: milestones, re-dated promises, changes, cancellations."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from temporalio import activity

from activities.execution.executor import EffectExecutor
from activities.systems import erp_messages
from connectors.ports import ErpPort
from schemas.messaging.effects import Effect, EffectReceipt
from schemas.messaging.order_effects import ConfirmCancellation, RedatePromise, ReportChange, ReportMilestone


@dataclass(frozen=True)
class ErpActivities:
    """Effects on an ERP. The order's key says which: `<erp>/<number>`."""

    port: ErpPort
    executor: EffectExecutor

    def all(self) -> list[Callable[..., Any]]:
        """Every activity, for the worker."""
        return [self.report_milestone, self.redate_promise, self.report_change, self.confirm_cancellation]

    @activity.defn(name="erp.report_milestone")
    async def report_milestone(self, effect: Effect[ReportMilestone]) -> EffectReceipt:
        """Post a milestone: status, and goods issue or receipt where the milestone means one."""
        message = erp_messages.report_milestone(effect)
        return await self.executor.execute(
            effect, effect.subject.erp, lambda call: self.port.report_milestone(message, call)
        )

    @activity.defn(name="erp.redate_promise")
    async def redate_promise(self, effect: Effect[RedatePromise]) -> EffectReceipt:
        """Tell the new promise."""
        message = erp_messages.redate_promise(effect)
        return await self.executor.execute(
            effect, effect.subject.erp, lambda call: self.port.redate_promise(message, call)
        )

    @activity.defn(name="erp.report_change")
    async def report_change(self, effect: Effect[ReportChange]) -> EffectReceipt:
        """Tell what else happened to the order: its terms, its sources, its goods, its money."""
        message = erp_messages.report_change(effect)
        return await self.executor.execute(
            effect, effect.subject.erp, lambda call: self.port.report_change(message, call)
        )

    @activity.defn(name="erp.confirm_cancellation")
    async def confirm_cancellation(self, effect: Effect[ConfirmCancellation]) -> EffectReceipt:
        """Confirm that the order is cancelled."""
        message = erp_messages.confirm_cancellation(effect)
        return await self.executor.execute(
            effect, effect.subject.erp, lambda call: self.port.confirm_cancellation(message, call)
        )
