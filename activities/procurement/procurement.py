"""Procurement: what purchase orders and replenishments write down, post to the ERP, and answer to planning."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from temporalio import activity

from activities.execution.executor import EffectExecutor
from activities.procurement import messages
from connectors.ports import ProposingPort, PurchasingPort, TransferPort
from schemas.messaging.effects import Effect, EffectReceipt
from schemas.procurement.purchase_effects import (
    InstructTransfer,
    PostIssue,
    PostReceipt,
    ReportConfirmation,
    ReportDecision,
    SettleInvoice,
)
from schemas.procurement.replenishment import AnswerReplenishment, PlaceReplenishment, ReplenishmentRecord
from schemas.workflows.records import StepRecord, StepWritten
from schemas.workflows.steps import WorkflowStep
from store.engine import Database
from store.procurement import purchase_steps, replenishments


@dataclass(frozen=True)
class ProcurementRecords:
    """Writes what workflows decide. Every activity is safe to repeat."""

    database: Database

    def all(self) -> list[Callable[..., Any]]:
        """The activities, for the worker of queue `orders`."""
        return [self.write_purchase, self.write_replenishment]

    @activity.defn(name="procurement.write_purchase")
    async def write_purchase(self, step: WorkflowStep[StepRecord]) -> StepWritten:
        """Write one step of a purchase order as one transaction."""
        await purchase_steps.write(self.database, step)
        return StepWritten(version=step.version)

    @activity.defn(name="procurement.write_replenishment")
    async def write_replenishment(self, step: WorkflowStep[ReplenishmentRecord]) -> StepWritten:
        """Write one step of a replenishment as one transaction."""
        await replenishments.write(self.database, step)
        return StepWritten(version=step.version)


@dataclass(frozen=True)
class PurchasingActivities:
    """Effects on an ERP's purchasing. The key of the order says which ERP: `<erp>/…`."""

    port: PurchasingPort
    executor: EffectExecutor

    def all(self) -> list[Callable[..., Any]]:
        """Every activity, for the worker."""
        return [
            self.report_confirmation,
            self.post_receipt,
            self.settle_invoice,
            self.report_decision,
            self.post_issue,
            self.place_replenishment,
        ]

    @activity.defn(name="erp.report_confirmation")
    async def report_confirmation(self, effect: Effect[ReportConfirmation]) -> EffectReceipt:
        """Tell what the supplier confirmed otherwise than it was ordered."""
        message = messages.report_confirmation(effect)
        return await self.executor.execute(
            effect, effect.subject.erp, lambda call: self.port.report_confirmation(message, call)
        )

    @activity.defn(name="erp.post_receipt")
    async def post_receipt(self, effect: Effect[PostReceipt]) -> EffectReceipt:
        """Post a goods receipt."""
        message = messages.post_receipt(effect)
        return await self.executor.execute(
            effect, effect.subject.erp, lambda call: self.port.post_receipt(message, call)
        )

    @activity.defn(name="erp.settle_invoice")
    async def settle_invoice(self, effect: Effect[SettleInvoice]) -> EffectReceipt:
        """Release an invoice, or hold it."""
        message = messages.settle_invoice(effect)
        return await self.executor.execute(
            effect, effect.subject.erp, lambda call: self.port.settle_invoice(message, call)
        )

    @activity.defn(name="erp.report_decision")
    async def report_decision(self, effect: Effect[ReportDecision]) -> EffectReceipt:
        """Tell what was decided about a difference."""
        message = messages.report_decision(effect)
        return await self.executor.execute(
            effect, effect.subject.erp, lambda call: self.port.report_decision(message, call)
        )

    @activity.defn(name="erp.post_issue")
    async def post_issue(self, effect: Effect[PostIssue]) -> EffectReceipt:
        """Post the goods issue of a transfer."""
        message = messages.post_issue(effect)
        return await self.executor.execute(effect, effect.subject.erp, lambda call: self.port.post_issue(message, call))

    @activity.defn(name="erp.place_replenishment")
    async def place_replenishment(self, effect: Effect[PlaceReplenishment]) -> EffectReceipt:
        """Have a replenishment validated and ordered."""
        message = messages.place_replenishment(effect)
        return await self.executor.execute(effect, effect.subject.erp, lambda call: self.port.replenish(message, call))


@dataclass(frozen=True)
class TransferActivities:
    """Instructions to the warehouse that sends a transfer."""

    port: TransferPort
    executor: EffectExecutor

    def all(self) -> list[Callable[..., Any]]:
        """Every activity, for the worker."""
        return [self.instruct_transfer]

    @activity.defn(name="wms.instruct_transfer")
    async def instruct_transfer(self, effect: Effect[InstructTransfer]) -> EffectReceipt:
        """Have goods picked and sent to another site."""
        message = messages.instruct_transfer(effect)
        return await self.executor.execute(effect, message.site, lambda call: self.port.transfer(message, call))


@dataclass(frozen=True)
class ProposalActivities:
    """Answers to planning, of the region that proposed."""

    port: ProposingPort
    executor: EffectExecutor

    def all(self) -> list[Callable[..., Any]]:
        """Every activity, for the worker."""
        return [self.answer]

    @activity.defn(name="planning.answer_replenishment")
    async def answer(self, effect: Effect[AnswerReplenishment]) -> EffectReceipt:
        """Tell planning what came of its proposal."""
        message = messages.answer_replenishment(effect)
        return await self.executor.execute(effect, effect.payload.region, lambda call: self.port.answer(message, call))
