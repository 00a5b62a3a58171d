"""A toy on the runtime of entities: it hears reports, owes the ERP an effect for each pick, ends with a delivery."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from temporalio import activity, workflow
from temporalio.client import Client, WorkflowHandle
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from schemas.base import Contract, Moment, System
from schemas.messaging.effects import Effect, EffectReceipt
from schemas.messaging.order_effects import OrderEffect, ReportMilestone
from schemas.orders.milestones import MilestoneEvent
from schemas.orders.milestones import MilestoneKind as M
from schemas.workflows.records import StepWritten
from schemas.workflows.steps import WorkflowStep
from tests.domain.builders import event
from tests.workflows.workers import ORDERS
from workflows.runtime import steps
from workflows.runtime.answers import SystemAnswer
from workflows.runtime.deadline_timer import Due
from workflows.runtime.entity import EntityWorkflow, StepDraft
from workflows.runtime.inputs import Input, Inputs
from workflows.runtime.tasks import Recorder
from workflows.runtime.timeouts_and_retries import TASK_TIMEOUT

WITHIN = timedelta(seconds=60)
"""How long what is done beside may take: longer than any test waits."""


class ToyState(Contract):
    """What was heard, in order, and how many deadlines have passed."""

    version: int = 0
    heard: tuple[str, ...] = ()
    due: Moment | None = None
    passed: int = 0
    ended: bool = False


class ToyRun(Contract):
    """What a run begins with."""

    key: str
    run: int = 1
    state: ToyState | None = None
    seen: tuple[str, ...] = ()
    owed: tuple[OrderEffect, ...] = ()
    history: tuple[str, ...] = ()


class ToyRecord(Contract):
    """What a step writes."""

    state: ToyState
    owed: tuple[OrderEffect, ...]


ToyDecision = tuple[OrderEffect, ...]
Draft = StepDraft[ToyState, ToyDecision]


@workflow.defn(name="Toy")
class Toy(EntityWorkflow[ToyState, ToyDecision, ToyRecord, ToyRun]):
    """The toy. A report of a delay sets its deadline, which another one moves; a pack has something done beside."""

    @workflow.init
    def __init__(self, run: ToyRun) -> None:
        state = run.state or ToyState()
        recorder = Recorder(run.key, run.run, state.version)
        super().__init__(run, state, Inputs(run.seen), recorder, priority=3, history=run.history)

    @workflow.run
    async def run(self, run: ToyRun) -> ToyState:
        """Its story."""
        self._timer.start()
        self._lanes.put(run.owed)
        await self._live()
        self._timer.stop()
        return self._state

    @workflow.signal
    def milestones(self, events: list[MilestoneEvent]) -> None:
        """Reports."""
        self._inputs.add(*events)

    @workflow.query
    def timeline(self) -> list[str]:
        """What systems refused, and what was done beside."""
        return self._history

    def _due(self) -> Due | None:
        return Due(self._state.due, "anything") if self._state.due else None

    def _pass_deadline(self, at: datetime, draft: Draft) -> None:
        self._go_on(draft, due=None, passed=self._state.passed + 1)

    def _decide(self, given: Input, draft: Draft) -> None:
        assert isinstance(given, MilestoneEvent)
        heard = (*self._state.heard, given.id)
        effects: ToyDecision = ()
        if given.kind is M.PICKED:
            key = f"{self._run.key}/{given.id}"
            report = ReportMilestone(milestone=given.kind, order_status="picked", occurred_at=given.occurred_at)
            effects = (OrderEffect(key=key, order=self._run.key, payload=report, accepted_at=given.occurred_at),)
        self._go_on(draft, *effects, heard=heard, due=given.eta or self._state.due, ended=given.kind is M.DELIVERED)
        draft.outcomes.append(self._verdict(given, None))
        if given.kind is M.PACKED:
            self._background.do(lambda: self._beside(given.id))

    async def _beside(self, name: str) -> None:
        await workflow.execute_activity("toy.beside", name, start_to_close_timeout=WITHIN)
        self._note(f"beside {name}")

    def _go_on(self, draft: Draft, *effects: OrderEffect, **changed: object) -> None:
        self._state = self._state.model_copy(update={"version": self._state.version + 1, **changed})
        draft.decisions.append(effects)

    def _effects(self, decision: ToyDecision) -> ToyDecision:
        return decision

    def _record(self, draft: Draft) -> ToyRecord:
        return ToyRecord(state=self._state, owed=tuple(it for effects in draft.decisions for it in effects))

    async def _keep(self, step: WorkflowStep[ToyRecord]) -> StepWritten:
        return await steps.written("toy.write", step, StepWritten, "toy")

    def _join(self, answer: SystemAnswer) -> None:
        if answer.origin:
            self._note(f"{answer.effect.key} refused by {answer.origin} at version {self._state.version}")

    def _finished(self) -> bool:
        return self._state.ended

    def _ends(self) -> bool:
        return self._state.ended


class ToyWorld:
    """A toy on a server, and what became of it."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.key = f"erp-one/{uuid4()}"
        self.written: list[WorkflowStep[ToyRecord]] = []
        self.done: list[str] = []
        self.writing: Callable[[WorkflowStep[ToyRecord]], Awaitable[None]] | None = None
        self.carrying: Callable[[Effect], Awaitable[None]] | None = None
        self.beside = asyncio.Event()
        self.beside.set()

    async def start(self) -> WorkflowHandle[Toy, ToyState]:
        """Begin."""
        return await self.client.start_workflow(
            Toy.run, ToyRun(key=self.key), id=f"toy/{self.key}", task_queue=ORDERS, task_timeout=TASK_TIMEOUT
        )

    def report(self, name: str, kind: M = M.PICKED, *, eta: datetime | None = None) -> MilestoneEvent:
        """A report under a name."""
        return event(kind, 1, name=name, eta=eta)

    @property
    def steps(self) -> list[WorkflowStep[ToyRecord]]:
        """The steps that count: of two that a repeated task wrote, the later one."""
        return list({step.version: step for step in self.written}.values())

    @property
    def heard(self) -> list[str]:
        """What has been decided, in order."""
        return list(self.written[-1].record.state.heard) if self.written else []

    async def runs(self) -> list[ToyRun]:
        """What each run began with, the first one first."""
        found = []
        async for execution in self.client.list_workflows(f"WorkflowId = 'toy/{self.key}'"):
            handle = self.client.get_workflow_handle(execution.id, run_id=execution.run_id)
            async for it in handle.fetch_history_events():
                payloads = it.workflow_execution_started_event_attributes.input.payloads
                found += await self.client.data_converter.decode(payloads, [ToyRun])
                break
        return sorted(found, key=lambda run: run.run)

    @activity.defn(name="toy.write")
    async def _write(self, step: WorkflowStep[ToyRecord]) -> StepWritten:
        if self.writing:
            await self.writing(step)
        self.written.append(step)
        return StepWritten(version=step.version)

    @activity.defn(name="toy.beside")
    async def _do_beside(self, name: str) -> None:
        await self.beside.wait()

    @activity.defn(name="erp.report_milestone")
    async def _carry_out(self, effect: OrderEffect) -> EffectReceipt:
        if self.carrying:
            await self.carrying(effect)
        self.done.append(effect.key.removeprefix(f"{self.key}/"))
        return EffectReceipt()


@asynccontextmanager
async def toy_world(client: Client) -> AsyncIterator[ToyWorld]:
    """A toy whose workers are the only ones on the server."""
    world = ToyWorld(client)
    activities: list[Callable[..., Any]] = [world._write, world._carry_out, world._do_beside]
    async with AsyncExitStack() as stack:
        for queue, known in ((ORDERS, [Toy]), (System.ERP, [])):
            await stack.enter_async_context(
                Worker(
                    client,
                    task_queue=queue,
                    workflows=known,
                    activities=activities,
                    workflow_runner=UnsandboxedWorkflowRunner(),
                )
            )
        yield world


class HeldStep:
    """Holds the next step while it is written, until it is let go."""

    def __init__(self, world: ToyWorld) -> None:
        self.begun, self._go_on = asyncio.Event(), asyncio.Event()
        world.writing = self._hold

    def let_go(self) -> None:
        """It is written, and the next ones at once."""
        self._go_on.set()

    async def _hold(self, step: WorkflowStep[ToyRecord]) -> None:
        self.begun.set()
        await self._go_on.wait()
