"""A worker with the real purchase order, replenishment and case workflows, and stand-in activities."""

from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from temporalio import activity
from temporalio.client import Client, WorkflowHandle

from domain.procurement.purchase_run import InboundRun
from schemas.base import System
from schemas.cases.cases import CaseHistory, CaseName, CaseQuery, CaseRecord
from schemas.cases.exceptions import Action, CasePolicy, Tier
from schemas.messaging.effects import SYSTEM_OF, EffectReceipt, Operation
from schemas.orders.milestones import MilestoneEvent
from schemas.procurement.purchase_effects import PurchaseEffect
from schemas.procurement.purchase_orders import InboundStart, PurchaseAnswer, PurchaseDocument, PurchaseOutcome
from schemas.procurement.replenishment import (
    ReplenishmentEffect,
    ReplenishmentProposal,
    ReplenishmentRecord,
    ReplenishmentResult,
    ReplenishmentRun,
)
from schemas.workflows.commands import ActionRequest, Command, NoteRequest
from schemas.workflows.records import StepRecord, StepWritten
from schemas.workflows.steps import InputOutcome, WorkflowStep
from tests.domain import purchases
from tests.faults.losing import REPEATS
from tests.stack.standins import until
from tests.workflows.return_world import Trouble
from tests.workflows.told import CommandRefused, carry_out, keep, stands
from tests.workflows.workers import workers
from tests.written import Said
from workflows.cases.exception_case import ExceptionCaseWorkflow
from workflows.procurement.purchase_order import InboundWorkflow
from workflows.procurement.replenishment import ReplenishmentWorkflow
from workflows.runtime.timeouts_and_retries import TASK_TIMEOUT

POLICY = CasePolicy(tiers=(Tier(after_s=0, queue="desk"),))
WORKFLOWS = (InboundWorkflow, ReplenishmentWorkflow, ExceptionCaseWorkflow)
_numbers, _messages = count(1), count(900)


@dataclass
class PurchaseWorld:
    """What the stand-ins were asked, by key. `trouble[operation]` troubles an operation, `holding` whoever writes."""

    client: Client
    lossy: bool = REPEATS
    """Whether workflow tasks are lost, and done again."""
    written: dict[str, list[WorkflowStep[StepRecord]]] = field(default_factory=lambda: defaultdict(list))
    proposals: dict[str, list[ReplenishmentRecord]] = field(default_factory=lambda: defaultdict(list))
    cases: dict[str, list[CaseRecord]] = field(default_factory=lambda: defaultdict(list))
    carried: dict[str, list[Any]] = field(default_factory=lambda: defaultdict(list))
    trouble: dict[tuple[str, Operation], Trouble] = field(default_factory=dict)
    messages: dict[tuple[str, str], int] = field(default_factory=dict)
    holding: dict[str, Callable[[StepRecord], Awaitable[None]]] = field(default_factory=dict)

    def activities(self) -> list[Callable[..., Any]]:
        """Stand-ins under the names of the real activities."""
        proposing = (Operation.PLACE_REPLENISHMENT, Operation.ANSWER_REPLENISHMENT)
        purchasing = (
            Operation.REPORT_CONFIRMATION,
            Operation.POST_RECEIPT,
            Operation.SETTLE_INVOICE,
            Operation.REPORT_DECISION,
            Operation.POST_ISSUE,
            Operation.INSTRUCT_TRANSFER,
        )
        return [
            self._write_purchase,
            self._write_replenishment,
            self._case_policy,
            self._case_history,
            self._write_case,
            *(self._effect(name, ReplenishmentEffect) for name in proposing),
            *(self._effect(name, PurchaseEffect) for name in purchasing),
        ]

    @activity.defn(name="procurement.write_purchase")
    async def _write_purchase(self, step: WorkflowStep[StepRecord]) -> StepWritten:
        keep(self.written[step.record.order], step, lossy=self.lossy)
        if hold := self.holding.get(step.record.order):
            await hold(step.record)
        return StepWritten(version=step.version)

    @activity.defn(name="procurement.write_replenishment")
    async def _write_replenishment(self, step: WorkflowStep[ReplenishmentRecord]) -> StepWritten:
        self.proposals[step.record.proposal.id].append(step.record)
        return StepWritten(version=step.version)

    @activity.defn(name="records.case_policy")
    async def _case_policy(self, query: CaseQuery) -> CasePolicy:
        return POLICY

    @activity.defn(name="records.case_history")
    async def _case_history(self, case: CaseName) -> CaseHistory:
        return CaseHistory()

    @activity.defn(name="records.write_case")
    async def _write_case(self, step: WorkflowStep[CaseRecord]) -> StepWritten:
        self.cases[step.record.order].append(step.record)
        return StepWritten(version=step.version)

    def _effect(self, operation: Operation, kind: type[Any]) -> Callable[..., Any]:
        async def carry(effect: Any) -> EffectReceipt:
            if trouble := self.trouble.get((effect.order, operation)):
                trouble(effect)
            carry_out(self.carried[effect.order], effect, lossy=self.lossy)
            return EffectReceipt(reference="4711")

        carry.__annotations__["effect"] = kind
        return activity.defn(name=f"{SYSTEM_OF[operation]}.{operation}")(carry)

    def done(self, key: str) -> list[str]:
        """What was carried out for a purchase order or a proposal: the keys of the effects, without its own."""
        return [it.key.removeprefix(f"{key}/") for it in self.carried[key]]

    def purchase(self, **policy: Any) -> "Purchase":
        """A purchase order of its own, accepted now."""
        return Purchase(self, purchases.start(f"45-{next(_numbers)}", datetime.now(UTC), **policy))

    async def propose(self, proposal: ReplenishmentProposal) -> WorkflowHandle[Any, ReplenishmentResult]:
        """Start a replenishment."""
        start = ReplenishmentRun(proposal=proposal, by="planner", inbox_id=5, accepted_at=datetime.now(UTC))
        return await self.client.start_workflow(
            ReplenishmentWorkflow.run, start, id=start.workflow_id, task_queue="orders", task_timeout=TASK_TIMEOUT
        )


@dataclass
class Purchase:
    """One purchase order under test. Its documents are those of `tests.domain.purchases`, dated from now on."""

    world: PurchaseWorld
    start: InboundStart

    @property
    def handle(self) -> WorkflowHandle[Any, PurchaseOutcome]:
        """Its workflow."""
        return self.world.client.get_workflow_handle(self.start.workflow_id, result_type=PurchaseOutcome)

    @property
    def records(self) -> list[Said]:
        """Every record that it has written."""
        return [Said(step.record) for step in self.world.written[self.start.key]]

    @property
    def outcomes(self) -> list[InputOutcome]:
        """Every verdict in its steps."""
        return [outcome for step in self.world.written[self.start.key] for outcome in step.outcomes]

    @property
    def handed_over(self) -> InboundRun | None:
        """What a later run begins with, once it is settled."""
        last = self.world.written[self.start.key][-1]
        return InboundRun.model_validate_json(last.snapshot.run) if last.ended and last.snapshot else None

    @property
    def done(self) -> list[str]:
        """The keys of the effects that the ERP has carried out, without what they share."""
        return self.world.done(self.start.key)

    def order(self, days: int = 30, **more: Any) -> PurchaseDocument:
        """The order, due in so many days."""
        now = datetime.now(UTC)
        return purchases.order(ordered_at=now, due_on=(now + timedelta(days=days)).date(), **more)

    async def tell(self, *documents: PurchaseDocument) -> None:
        """Signal documents, starting it when it is not, and wait until they are written down."""
        await self.world.client.start_workflow(
            "Inbound",
            self.start,
            id=self.start.workflow_id,
            task_queue="orders",
            start_signal="documents",
            start_signal_args=[list(documents)],
            task_timeout=TASK_TIMEOUT,
        )
        if any(x.order for x in documents):
            await self.knows(*(x.id for x in documents))

    async def again(self, run: InboundRun, *documents: PurchaseDocument) -> None:
        """Begin again after the end."""
        await self.world.client.start_workflow(
            "Inbound",
            run,
            id=self.start.workflow_id,
            task_queue="orders",
            start_signal="documents",
            start_signal_args=[list(documents)],
            task_timeout=TASK_TIMEOUT,
        )
        await self.knows(*(x.id for x in documents))

    async def live(self) -> PurchaseOutcome:
        """All its documents come, one after the other, until it ends."""
        everything: dict[str, Any] = {"l1": 100, "l2": 50}
        await self.tell(self.order())
        for document in (
            purchases.confirmed(),
            purchases.advised("S1", **everything),
            purchases.received("G1", "S1", **everything),
            purchases.invoiced("I1", **everything),
        ):
            await self.tell(document)
            await self.knows(document.id)
        return await self.handle.result()

    async def report(self, *events: MilestoneEvent) -> None:
        """Signal what carriers report."""
        await self.handle.signal(InboundWorkflow.milestones, list(events))

    async def act(self, action: Action, name: str = "", **fields: Any) -> PurchaseAnswer:
        """Somebody of support acts on it, and waits for the verdict. Raises CommandRefused."""
        wish = ActionRequest(id=name or f"act-{next(_numbers)}", reason="because", action=action, **fields)
        message = self.world.messages.setdefault((self.start.key, wish.model_dump_json()), next(_messages))
        command = Command[ActionRequest](request=wish, by="ann", inbox_id=message, accepted_at=datetime.now(UTC))
        await self.handle.signal(InboundWorkflow.act, command)
        await until(lambda: any(it.inbox_id == message for it in self.outcomes))
        await self._stands()
        verdict = next(it for it in self.outcomes if it.inbox_id == message)
        if verdict.superseded:
            raise CommandRefused(verdict.superseded)
        return PurchaseAnswer.model_validate(verdict.answer)

    async def knows(self, *ids: str) -> None:
        """Wait until these are written down."""
        await until(lambda: {*ids} <= {x.event_id for x in self.outcomes})
        await self._stands()

    async def _stands(self) -> None:
        await stands(self.world.client, self.world.written[self.start.key], lossy=self.world.lossy)

    async def resolve(self, kind: str) -> None:
        """Somebody resolves its first case of a kind, cured or not."""
        note = NoteRequest(id=f"resolve-{next(_numbers)}", reason="by telephone")
        command = Command[NoteRequest](request=note, by="ann", inbox_id=9, accepted_at=datetime.now(UTC))
        handle = self.world.client.get_workflow_handle(f"case/{self.start.key}/{kind}/1")
        await handle.signal(ExceptionCaseWorkflow.resolve, command)

    async def case(self, kind: str, state: str) -> None:
        """Wait until its case of a kind is in a state."""
        await until(lambda: (kind, state) in {(x.kind, x.state) for x in self.world.cases[self.start.key]})


@asynccontextmanager
async def purchase_world(client: Client) -> AsyncIterator[PurchaseWorld]:
    """Workers on a server."""
    world = PurchaseWorld(client)
    systems = (System.ERP, System.WMS, System.PLANNING)
    async with workers(client, WORKFLOWS, world.activities(), systems):
        yield world
