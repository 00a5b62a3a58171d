"""A worker with the real return and case workflows, a stand-in order that listens, and stand-in activities."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from temporalio import activity, workflow
from temporalio.client import Client, WorkflowHandle
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import ApplicationError
from temporalio.testing import TimeSkippingConfig, WorkflowEnvironment

from domain.returns.return_run import ReturnRun
from schemas.base import System
from schemas.cases.cases import CaseQuery, CaseRecord
from schemas.cases.exceptions import CasePolicy, ExceptionKind, Tier
from schemas.messaging.effects import SYSTEM_OF, Effect, EffectReceipt
from schemas.messaging.order_effects import OrderEffect
from schemas.orders.milestones import Disposition, MilestoneEvent, ShippedLine
from schemas.orders.milestones import MilestoneKind as M
from schemas.workflows.commands import Command, NoteRequest, ReturnAnswer
from schemas.workflows.records import StepRecord, StepWritten
from schemas.workflows.returns import ReturnOutcome, ReturnStart, ReturnState
from schemas.workflows.steps import WorkflowStep
from stack.temporal import binary
from tests.domain.builders import FULL, event
from tests.stack.standins import WITHIN_S, until
from tests.workflows.told import CommandRefused, carry_out, keep, stands
from tests.written import Said
from workflows.cases.exception_case import ExceptionCaseWorkflow
from workflows.orders.returns import ReturnWorkflow
from workflows.runtime.payloads import CONVERTER
from workflows.runtime.timeouts_and_retries import TASK_TIMEOUT

POLICY = CasePolicy(version=3, tiers=(Tier(after_s=0, queue="customer-service"),))
Trouble = Callable[[Effect], None]
"""Raises what a system answers instead of carrying an effect out."""

_numbers = count(1)


def dead(effect: Effect) -> None:
    """Never answers."""
    raise ApplicationError("no answer", type=f"{effect.system}_api", next_retry_delay=timedelta(milliseconds=100))


def refuses(effect: Effect) -> None:
    """Refuses by a rule of its own."""
    raise ApplicationError("posting period is closed", type="erp_rule", non_retryable=True)


@workflow.defn(name="Order")
class ListeningOrder:
    """Stands in for an order: starts its carrier's return when it is given one, and notes what it hears of returns."""

    def __init__(self) -> None:
        self._heard: list[ReturnOutcome] = []

    @workflow.run
    async def run(self, sender: ReturnStart | None) -> None:
        """Listen until the return that it waits for is settled."""
        if sender:
            await workflow.start_child_workflow(
                "Return",
                sender,
                id=sender.workflow_id,
                parent_close_policy=workflow.ParentClosePolicy.ABANDON,
            )
        await workflow.wait_condition(lambda: any(outcome.settled for outcome in self._heard))

    @workflow.signal
    def returned(self, outcome: ReturnOutcome) -> None:
        """Hear of a return."""
        self._heard.append(outcome)

    @workflow.query
    def heard(self) -> list[ReturnOutcome]:
        """Everything heard."""
        return self._heard


WORKFLOWS = (ReturnWorkflow, ExceptionCaseWorkflow, ListeningOrder)


@dataclass
class ReturnWorld:
    """What the stand-ins were asked, by order. `trouble[order, system]` troubles a system, `refused` the database."""

    client: Client
    environment: WorkflowEnvironment
    lossy: bool
    written: dict[str, list[WorkflowStep[StepRecord]]] = field(default_factory=lambda: defaultdict(list))
    cases: dict[str, list[CaseRecord]] = field(default_factory=lambda: defaultdict(list))
    done: dict[str, list[Effect[Any]]] = field(default_factory=lambda: defaultdict(list))
    trouble: dict[tuple[str, System], Trouble] = field(default_factory=dict)
    refused: set[str] = field(default_factory=set)

    def activities(self) -> list[Callable[..., Any]]:
        """Stand-ins under the names of the real activities."""
        effects = [self._effect(f"{system}.{name}") for name, system in SYSTEM_OF.items()]
        return [self._authorise, self._write_return, self._case_policy, self._write_case, *effects]

    @activity.defn(name="records.authorise_return")
    async def _authorise(self, start: ReturnStart) -> ReturnState:
        return ReturnState.REFUSED if start.order in self.refused else ReturnState.AUTHORISED

    @activity.defn(name="records.write_return")
    async def _write_return(self, step: WorkflowStep[StepRecord]) -> StepWritten:
        keep(self.written[step.record.order], step, lossy=self.lossy)
        return StepWritten(version=step.version)

    @activity.defn(name="records.case_policy")
    async def _case_policy(self, query: CaseQuery) -> CasePolicy:
        return POLICY

    @activity.defn(name="records.write_case")
    async def _write_case(self, step: WorkflowStep[CaseRecord]) -> StepWritten:
        self.cases[step.record.order].append(step.record)
        return StepWritten(version=step.version)

    def _effect(self, name: str) -> Callable[..., Any]:
        @activity.defn(name=name)
        async def carry(effect: OrderEffect) -> EffectReceipt:
            if trouble := self.trouble.get((effect.order, effect.system)):
                trouble(effect)
            carry_out(self.done[effect.order], effect, lossy=self.lossy)
            return EffectReceipt(reference=effect.key)

        return carry

    def asked(self, **changes: Any) -> "Return":
        """A return of a whole order of its own, that is asked for now."""
        start = ReturnStart(
            order=f"erp-one/SO-{next(_numbers)}",
            rma="RMA-1",
            reason="wrong colour",
            lines=FULL,
            items={1: "A", 2: "B"},
            site="LYS",
            region="EMEA",
            inbox_id=7,
            accepted_at=datetime.now(UTC),
        )
        return Return(self, start.model_copy(update=changes))

    async def authorised(self, **changes: Any) -> "Return":
        """The same, authorised, of an order that listens."""
        made = self.asked(**changes)
        await made.order_listens()
        await made.authorise()
        return made


@dataclass
class Return:
    """One return under test."""

    world: ReturnWorld
    start: ReturnStart

    @property
    def handle(self) -> WorkflowHandle[Any, ReturnOutcome]:
        """Its workflow."""
        return self.world.client.get_workflow_handle(self.start.workflow_id, result_type=ReturnOutcome)

    @property
    def order(self) -> WorkflowHandle[Any, None]:
        """The workflow of its order."""
        return self.world.client.get_workflow_handle(f"order/{self.start.order}")

    async def order_listens(self, sender: ReturnStart | None = None) -> None:
        """Start its order, which starts a carrier's return."""
        await self.world.client.start_workflow(
            ListeningOrder.run, sender, id=self.order.id, task_queue="orders", task_timeout=TASK_TIMEOUT
        )

    async def authorise(self) -> ReturnAnswer:
        """Ask for it, as the gateway does, and wait for the verdict. Raises CommandRefused."""
        await self.world.client.start_workflow(
            ReturnWorkflow.run,
            ReturnRun(**dict(self.start)),
            id=self.start.workflow_id,
            task_queue="orders",
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            task_timeout=TASK_TIMEOUT,
        )
        name = f"return {self.start.rma}"
        await until(lambda: name in self.outcomes)
        await self._stands()
        verdict = next(it for step in self.steps for it in step.outcomes if it.event_id == name)
        if verdict.superseded:
            raise CommandRefused(verdict.superseded)
        return ReturnAnswer.model_validate(verdict.answer)

    async def start_with(self, *events: MilestoneEvent) -> None:
        """Start it with events already waiting, so that no deadline can pass before they are heard."""
        await self.world.client.start_workflow(
            ReturnWorkflow.run,
            ReturnRun(**dict(self.start)),
            id=self.start.workflow_id,
            task_queue="orders",
            start_signal="milestones",
            start_signal_args=[list(events)],
        )

    async def resolve(self, case: str) -> None:
        """Somebody deals with a case, which ends."""
        handle = self.world.client.get_workflow_handle(f"case/{case}")
        request = NoteRequest(id="n1", reason="the customer keeps it")
        asked = Command[NoteRequest](request=request, by="ann", inbox_id=8, accepted_at=datetime.now(UTC))
        await handle.signal(ExceptionCaseWorkflow.resolve, asked)
        await handle.result()

    def received(self, name: str, *lines: tuple[int, int]) -> MilestoneEvent:
        """Packs of lines arrived."""
        return self._event(M.RETURN_RECEIVED, 1, name, lines)

    def inspected(self, name: str, disposition: Disposition, *lines: tuple[int, int]) -> MilestoneEvent:
        """Packs of lines were looked at."""
        return self._event(M.RETURN_INSPECTED, 2, name, lines).model_copy(update={"disposition": disposition})

    def _event(self, kind: M, hours: float, name: str, lines: tuple[tuple[int, int], ...]) -> MilestoneEvent:
        stated = tuple(ShippedLine(line=line, quantity=quantity) for line, quantity in lines)
        return event(kind, hours, shipment="", name=name, lines=stated).model_copy(update={"rma": self.start.rma})

    async def tell(self, *events: MilestoneEvent) -> None:
        """Signal events and wait until they are written down."""
        await self.handle.signal(ReturnWorkflow.milestones, list(events))
        await until(lambda: {e.id for e in events} <= set(self.outcomes))
        await self._stands()

    async def _stands(self) -> None:
        await stands(self.world.client, self.world.written[self.start.order], lossy=self.world.lossy)

    async def wait(self, days: float) -> None:
        """Let time pass, on its own clock. While it has an open case, that does not jump."""
        async with asyncio.timeout(WITHIN_S):
            await self.world.environment.fast_forward(self.handle, timedelta(days=days))

    async def result(self) -> ReturnOutcome:
        """How it ended; fails when it does not."""
        async with asyncio.timeout(WITHIN_S):
            return await self.handle.result()

    async def order_ends(self) -> None:
        """Wait until its order has heard enough."""
        async with asyncio.timeout(WITHIN_S):
            await self.order.result()

    async def heard(self) -> list[tuple[ReturnState, int]]:
        """What its order has heard: the state, and how many packs had come."""
        outcomes = await self.order.query(ListeningOrder.heard)
        return [(x.state, sum(line.quantity for line in x.received)) for x in outcomes]

    async def page(self) -> str:
        """Its page in the Temporal UI."""
        metadata = await self.handle.query("__temporal_workflow_metadata")
        return str(metadata.current_details)

    @property
    def records(self) -> list[Said]:
        """Every record that it has written."""
        return [Said(step.record) for step in self.steps]

    @property
    def steps(self) -> list[WorkflowStep[StepRecord]]:
        """Every step that it has written."""
        return [step for step in self.world.written[self.start.order] if Said(step.record).rma == self.start.rma]

    @property
    def outcomes(self) -> dict[str, str | None]:
        """Why each message was superseded; None for one that applied."""
        return {outcome.event_id: outcome.superseded for step in self.steps for outcome in step.outcomes}

    def done(self, system: System) -> list[str]:
        """The keys of the effects that a system has carried out, without what they share."""
        prefix = f"{self.start.order}/return/{self.start.rma}/"
        return [e.key.removeprefix(prefix) for e in self.world.done[self.start.order] if e.system is system]

    def cases(self, kind: ExceptionKind) -> list[CaseRecord]:
        """The steps of its order's cases of one kind."""
        return [step for step in self.world.cases[self.start.order] if step.kind is kind]


@asynccontextmanager
async def return_world(*options: str) -> AsyncIterator[ReturnWorld]:
    """A server on which each workflow's clock runs with ours until it is told to jump; and workers."""
    from tests.faults.losing import REPEATS, losing  # here, as the sandbox imports this module anew for its workflows

    async with (
        await WorkflowEnvironment.start_time_skipping_v2(
            dev_server_existing_path=str(binary()),
            dev_server_extra_args=list(options),
            dev_server_log_level="error",
            data_converter=CONVERTER,
            ts_config=TimeSkippingConfig(enabled=False),
        ) as environment,
        losing(environment.client) as client,
    ):
        world = ReturnWorld(client, environment, REPEATS)
        systems = (System.ERP, System.WMS, System.TMS)
        from tests.workflows.workers import workers  # the sandbox imports this module again, and not that one

        async with workers(client, WORKFLOWS, world.activities(), systems):
            yield world
