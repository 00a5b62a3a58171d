"""A worker with the real order workflow, and stand-in activities that note what they are asked and fail on demand."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from temporalio import activity
from temporalio.client import Client, WithStartWorkflowOperation, WorkflowHandle, WorkflowUpdateFailedError
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import ApplicationError
from temporalio.worker import Worker

from domain.state import OrderRun
from schemas.base import Contract, Origin, Role, System, Variant
from schemas.cases import ENDED, CaseHistory, CaseName, CaseQuery, CaseRecord
from schemas.commands import Command, CommandAnswer, Verb
from schemas.effects import SYSTEM_OF, Effect, EffectReceipt, Operation
from schemas.exceptions import CasePolicy, ExceptionKind, Tier
from schemas.lifecycle import OrderOutcome, OrderStart, StatusAnswer
from schemas.milestones import Disposition, MilestoneEvent, MilestoneKind, ShippedLine
from schemas.orders import CancelRequest, LinePromise, OrderStatus, Promise
from schemas.records import LineRecord, Replay, StepRecord, Written
from schemas.returns import ReturnRecord, ReturnStart, ReturnState
from tests.domain import builders
from tests.stack.standins import WITHIN_S, until
from workflows.exception_case import ExceptionCaseWorkflow
from workflows.order import OrderWorkflow
from workflows.policies import TASK_TIMEOUT
from workflows.returns import ReturnWorkflow
from workflows.sandbox import sandbox

CARRIER = "carrier-alpha"
QUIET = CasePolicy(tiers=(Tier(after_s=0, queue="desk"),))
Trouble = Callable[[Effect, bool], bool]
"""Whether a system declines an effect; raises its other answers. The flag says whether the call is express."""

WORKFLOWS = (OrderWorkflow, ExceptionCaseWorkflow, ReturnWorkflow)
_numbers, _inbox = count(1), count(1000)


def busy(effect: Effect, express: bool) -> bool:
    """The express lane is closed; the queue works."""
    return express


def flaky(effect: Effect, express: bool) -> bool:
    """The express call fails; the queue works."""
    if express:
        raise ApplicationError("no answer", type=f"{effect.system}_api")
    return False


def dead(effect: Effect, express: bool) -> bool:
    """Never answers."""
    raise ApplicationError("no answer", type=f"{effect.system}_api", next_retry_delay=timedelta(milliseconds=200))


def refusing(effect: Effect, express: bool) -> bool:
    """Refuses by a rule of its own."""
    raise ApplicationError("posting period is closed", type=Origin.ERP_RULE, non_retryable=True)


@dataclass
class World:
    """What the stand-ins were asked, and what troubles them: `trouble[order key, system]`."""

    client: Client
    steps: dict[str, list[StepRecord]] = field(default_factory=lambda: defaultdict(list))
    attempts: dict[str, list[tuple[Effect, bool]]] = field(default_factory=lambda: defaultdict(list))
    done: dict[str, list[Effect]] = field(default_factory=lambda: defaultdict(list))
    trouble: dict[tuple[str, System], Trouble] = field(default_factory=dict)
    holding: dict[str, Callable[[StepRecord], Awaitable[None]]] = field(default_factory=dict)
    cases: dict[str, list[CaseRecord]] = field(default_factory=lambda: defaultdict(list))
    returns: dict[str, list[ReturnRecord]] = field(default_factory=lambda: defaultdict(list))
    case_away: dict[str, asyncio.Event] = field(default_factory=dict)
    """Cases whose records are not written until the event is set."""
    replayed: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    policies: dict[ExceptionKind, CasePolicy] = field(default_factory=dict)
    unnamed: set[str] = field(default_factory=set)
    """Orders whose tenders are answered without a carrier."""

    def activities(self) -> list[Callable[..., Any]]:
        """Stand-ins under the names of the real activities."""
        return [
            self._write_step,
            self._case_policy,
            self._case_history,
            self._write_case,
            self._replay,
            self._authorise,
            self._write_return,
            *(self._effect(f"{system}.{name}") for name, system in SYSTEM_OF.items()),
        ]

    @activity.defn(name="records.write_step")
    async def _write_step(self, record: StepRecord) -> Written:
        if hold := self.holding.get(record.order):
            await hold(record)
        self.steps[record.order].append(record)
        return Written(version=record.version)

    @activity.defn(name="records.case_policy")
    async def _case_policy(self, query: CaseQuery) -> CasePolicy:
        return self.policies.get(query.kind, QUIET)

    @activity.defn(name="records.case_history")
    async def _case_history(self, case: CaseName) -> CaseHistory:
        written = [record for records in self.cases.values() for record in records if record.id == case.id]
        return CaseHistory(entries=written[-1].history if written else ())

    @activity.defn(name="records.write_case")
    async def _write_case(self, record: CaseRecord) -> Written:
        if away := self.case_away.get(record.id):
            await away.wait()
        self.cases[record.order].append(record)
        return Written(version=record.version)

    @activity.defn(name="records.replay")
    async def _replay(self, replay: Replay) -> Written:
        self.replayed[replay.order].extend(replay.ids)
        return Written(version=len(replay.ids))

    @activity.defn(name="records.authorise_return")
    async def _authorise(self, start: ReturnStart) -> ReturnState:
        return ReturnState.AUTHORISED

    @activity.defn(name="records.write_return")
    async def _write_return(self, record: ReturnRecord) -> Written:
        self.returns[record.order].append(record)
        return Written(version=record.version)

    def _effect(self, name: str) -> Callable[..., Any]:
        @activity.defn(name=name)
        async def carry(effect: Effect) -> EffectReceipt:
            express = activity.info().is_local
            self.attempts[effect.order].append((effect, express))
            trouble = self.trouble.get((effect.order, effect.system))
            if trouble and trouble(effect, express):
                return EffectReceipt(declined=True)
            self.done[effect.order].append(effect)
            named = name == "tms.tender_transport" and effect.order not in self.unnamed
            return EffectReceipt(reference=effect.key, carrier=(effect.carrier or CARRIER) if named else None)

        return carry

    async def order(self, **changes: Any) -> "Order":
        """Release an order that is due in ten days, and wait for its promise."""
        order = self.unreleased(**changes)
        await order.release()
        return order

    def unreleased(self, *, variant: Variant = Variant.DISTRIBUTION_CENTRE, **changes: Any) -> "Order":
        """An order that has not been released yet."""
        now = datetime.now(UTC)
        due = (now + timedelta(days=10)).date()
        promised = Promise(promised_on=due, lines=tuple(LinePromise(line=n, promised_on=due) for n in (1, 2)))
        fields = {"number": f"SO-{next(_numbers)}", "released_at": now, "accepted_at": now, "promise": promised}
        return Order(self, builders.start(variant).model_copy(update={**fields, **changes}), now)


@dataclass
class Order:
    """One order under test."""

    world: World
    start: OrderStart
    began: datetime

    @property
    def key(self) -> str:
        """`<erp>/<number>`."""
        return self.start.key

    @property
    def handle(self) -> WorkflowHandle[Any, OrderOutcome]:
        """Its workflow."""
        return self.world.client.get_workflow_handle(self.start.workflow_id, result_type=OrderOutcome)

    async def release(self, digest: str | None = None) -> Promise:
        """Release it, as the gateway does."""
        return await self.world.client.execute_update_with_start_workflow(
            OrderWorkflow.release,
            digest or self.start.digest,
            start_workflow_operation=WithStartWorkflowOperation(
                OrderWorkflow.run,
                OrderRun(start=self.start),
                id=self.start.workflow_id,
                task_queue="orders",
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                task_timeout=TASK_TIMEOUT,
            ),
        )

    async def start_with(self, *events: MilestoneEvent) -> None:
        """Start it with events already waiting, so that no clock can jump before they are heard."""
        await self.world.client.start_workflow(
            OrderWorkflow.run,
            OrderRun(start=self.start),
            id=self.start.workflow_id,
            task_queue="orders",
            start_signal="milestones",
            start_signal_args=[list(events)],
        )

    def event(self, kind: MilestoneKind, hours: float, **changes: Any) -> MilestoneEvent:
        """A milestone so many hours after the release."""
        made = builders.event(kind, hours, **changes)
        moment = self.began + timedelta(hours=hours)
        return made.model_copy(update={"occurred_at": moment, "received_at": moment})

    async def tell(self, *events: MilestoneEvent) -> None:
        """Signal events and wait until the order has taken them in and owes nothing that it can do."""
        await self.handle.signal(OrderWorkflow.milestones, list(events))
        await until(lambda: {e.id for e in events} <= {o.event_id for s in self.steps for o in s.outcomes})

    async def cancel(self, reason: str = "customer withdrew", request: str = "c1") -> CommandAnswer:
        """Ask for a cancellation."""
        return await self.ask(Verb.CANCEL, CancelRequest(id=request, reason=reason))

    async def ask(self, verb: Verb, request: Contract, role: Role = Role.SUPPORT) -> CommandAnswer:
        """Ask something of it, as a person in support does."""
        asked = self.command(request, role)
        answer: CommandAnswer = await self.handle.execute_update(verb, asked, result_type=CommandAnswer)
        return answer

    async def refused(self, verb: Verb, request: Contract, role: Role = Role.SUPPORT) -> str:
        """Why a request is refused."""
        with pytest.raises(WorkflowUpdateFailedError) as error:
            await self.ask(verb, request, role)
        assert isinstance(error.value.cause, ApplicationError)
        assert error.value.cause.type == "refused"
        return error.value.cause.message

    def command(self, request: Contract, role: Role = Role.SUPPORT) -> Command[Any]:
        """A request as the gateway hands it over."""
        now = datetime.now(UTC)
        by = "erp-one" if role is Role.ERP else "sam"
        return Command(request=request, by=by, role=role, inbox_id=next(_inbox), accepted_at=now)

    async def status(self) -> StatusAnswer:
        """The answer to the status query."""
        return await self.handle.query(OrderWorkflow.status)

    async def owes_nothing(self) -> None:
        """Wait until every lane is empty."""

        async def paid() -> bool:
            return not (await self.status()).owed

        await until(paid)

    @property
    def steps(self) -> list[StepRecord]:
        """Every record that it has written."""
        return self.world.steps[self.key]

    @property
    def planned(self) -> list[str]:
        """The keys of all effects in its records, without the order's own key."""
        return [self.short(effect) for step in self.steps for effect in step.effects]

    @property
    def done(self) -> list[str]:
        """The keys of all effects that a system has carried out, in that order."""
        return [self.short(effect) for effect in self.world.done[self.key]]

    def short(self, effect: Effect) -> str:
        """An effect's key without the order's own."""
        return effect.key.removeprefix(f"{self.key}/")

    @property
    def open_cases(self) -> set[str]:
        """The kinds of its cases that have been opened and not ended."""
        newest = {record.id: record for record in self.world.cases[self.key]}
        return {record.kind for record in newest.values() if record.state not in ENDED}

    async def ended(self) -> OrderStatus:
        """How it ended. Raises TimeoutError when it does not end."""
        async with asyncio.timeout(WITHIN_S):
            return (await self.handle.result()).status

    def carried(self, operation: Operation) -> list[Effect]:
        """The effects of one operation that a system has carried out, in that order."""
        return [effect for effect in self.world.done[self.key] if effect.operation is operation]

    def line(self, number: int) -> LineRecord:
        """A line as it was written down last."""
        return next(line for step in reversed(self.steps) for line in step.lines if line.line == number)

    def quantities_add_up(self) -> None:
        """Every line of every record: what is open is never negative, and no stage holds more than the one before."""
        for line in (line for step in self.steps for line in step.lines):
            assert line.shipped + line.cancelled <= line.ordered, line
            stages = (line.allocated, line.picked, line.packed, line.shipped, line.delivered, 0)
            assert list(stages) == sorted(stages, reverse=True), line
            assert min(line.cancelled, line.returned) >= 0, line
            assert line.returned <= line.shipped, line

    async def come_back(self, shipment: str, *lines: ShippedLine) -> None:
        """The site receives and restocks what a carrier brought back to it."""
        rma = f"rts-{shipment}"
        await until(lambda: any(record.rma == rma for record in self.world.returns[self.key]))
        handle = self.world.client.get_workflow_handle(f"return/{self.key}/{rma}")
        said: dict[str, Any] = {"shipment": "", "lines": lines, "rma": rma}
        received = self.event(MilestoneKind.RETURN_RECEIVED, 30, name=f"{rma}.in", **said)
        inspected = self.event(
            MilestoneKind.RETURN_INSPECTED, 31, name=f"{rma}.seen", disposition=Disposition.RESTOCK, **said
        )
        await handle.signal("milestones", [received, inspected])
        async with asyncio.timeout(WITHIN_S):
            await handle.result()

    def outcome(self, event_id: str) -> list[str | None]:
        """Why each outcome of an event superseded it; None for one that applied it."""
        return [o.superseded for step in self.steps for o in step.outcomes if o.event_id == event_id]


@asynccontextmanager
async def world_on(client: Client, *workflows: type) -> AsyncIterator[World]:
    """Workers for the orders and for each system's queue. Other workflow classes than the real one may be given."""
    world = World(client)
    async with AsyncExitStack() as stack:
        for queue in ("orders", System.ERP, System.WMS, System.TMS):
            worker = Worker(
                client,
                task_queue=queue,
                workflows=list(workflows or (OrderWorkflow, ExceptionCaseWorkflow, ReturnWorkflow))
                if queue == "orders"
                else (),
                activities=world.activities(),
                workflow_runner=sandbox(),
            )
            await stack.enter_async_context(worker)
        yield world


def centre_story(order: Order) -> tuple[MilestoneEvent, ...]:
    """The six milestones of an order from a distribution centre."""
    kinds = MilestoneKind
    return (
        order.event(kinds.PICKED, 1, lines=builders.FULL),
        order.event(kinds.PACKED, 2, lines=builders.FULL),
        order.event(kinds.SHIPPED, 3, lines=builders.FULL),
        order.event(kinds.IN_TRANSIT, 4),
        order.event(kinds.OUT_FOR_DELIVERY, 5),
        order.event(kinds.DELIVERED, 6),
    )


def drop_story(order: Order) -> tuple[MilestoneEvent, ...]:
    """The three milestones of a direct drop."""
    kinds = MilestoneKind
    return (
        order.event(kinds.SHIPPED, 3, lines=builders.FULL),
        order.event(kinds.IN_TRANSIT, 4),
        order.event(kinds.DELIVERED, 6),
    )
