"""A worker with the real order workflow, and stand-in activities that note what they are asked and fail on demand."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from temporalio import activity
from temporalio.client import Client, WorkflowHandle
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import ApplicationError

from domain.orders import lifecycle
from domain.orders.order_run import OrderRun
from domain.records.record import line_record
from schemas.base import Contract, Origin, Role, System, Variant
from schemas.cases.cases import ENDED, CaseHistory, CaseName, CaseQuery, CaseRecord
from schemas.cases.exceptions import CasePolicy, ExceptionKind, Tier
from schemas.messaging.effects import SYSTEM_OF, Effect, EffectReceipt, Operation
from schemas.messaging.order_effects import OrderEffect
from schemas.orders.changes import LineRecord
from schemas.orders.milestones import Disposition, MilestoneEvent, MilestoneKind, ShippedLine
from schemas.orders.release import CancelRequest, LinePromise, OrderStatus, Promise
from schemas.workflows.commands import Command, CommandAnswer, Verb
from schemas.workflows.lifecycle import OrderOutcome, OrderStart, StatusAnswer
from schemas.workflows.records import Replay, StepRecord, StepWritten
from schemas.workflows.returns import ReturnStart, ReturnState
from schemas.workflows.steps import InputOutcome, WorkflowStep
from tests.domain import builders
from tests.faults.losing import REPEATS
from tests.payloads import said
from tests.stack.standins import WITHIN_S, until
from tests.workflows.told import CommandRefused, carry_out, keep, stands
from tests.workflows.workers import workers
from tests.written import Said
from workflows.cases.exception_case import ExceptionCaseWorkflow
from workflows.orders.order import OrderWorkflow
from workflows.orders.returns import ReturnWorkflow
from workflows.runtime.timeouts_and_retries import TASK_TIMEOUT

CARRIER = "carrier-alpha"
QUIET = CasePolicy(tiers=(Tier(after_s=0, queue="desk"),))
Trouble = Callable[[Effect, bool], bool]
"""Whether a system declines an effect; raises its other answers. The flag says whether the call is express."""

WORKFLOWS = (OrderWorkflow, ExceptionCaseWorkflow, ReturnWorkflow)
_numbers, _inbox = count(5001), count(1000)  # other tests start orders of low numbers on the same server


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
    lossy: bool
    """Whether workflow tasks are lost, or begun anew, and done again."""
    written: dict[str, list[WorkflowStep[StepRecord]]] = field(default_factory=lambda: defaultdict(list))
    attempts: dict[str, list[tuple[Effect[Any], bool]]] = field(default_factory=lambda: defaultdict(list))
    done: dict[str, list[Effect[Any]]] = field(default_factory=lambda: defaultdict(list))
    trouble: dict[tuple[str, System], Trouble] = field(default_factory=dict)
    holding: dict[str, Callable[[StepRecord], Awaitable[None]]] = field(default_factory=dict)
    cases: dict[str, list[CaseRecord]] = field(default_factory=lambda: defaultdict(list))
    returns: dict[str, list[Said]] = field(default_factory=lambda: defaultdict(list))
    case_away: dict[str, asyncio.Event] = field(default_factory=dict)
    """Cases whose records are not written until the event is set."""
    replayed: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    policies: dict[ExceptionKind, CasePolicy] = field(default_factory=dict)
    messages: dict[tuple[str, ...], int] = field(default_factory=dict)
    """Ids of the messages that brought commands: a repeat is brought by the first."""
    unnamed: set[str] = field(default_factory=set)
    """Orders whose tenders are answered without a carrier."""
    carrying: dict[str, Callable[[Effect], Awaitable[None]]] = field(default_factory=dict)
    """What an order's effects wait for before they are carried out."""

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
    async def _write_step(self, step: WorkflowStep[StepRecord]) -> StepWritten:
        if hold := self.holding.get(step.record.order):
            await hold(step.record)
        keep(self.written[step.record.order], step, lossy=self.lossy)
        return StepWritten(version=step.version)

    @activity.defn(name="records.case_policy")
    async def _case_policy(self, query: CaseQuery) -> CasePolicy:
        return self.policies.get(query.kind, QUIET)

    @activity.defn(name="records.case_history")
    async def _case_history(self, case: CaseName) -> CaseHistory:
        written = [record for records in self.cases.values() for record in records if record.id == case.id]
        return CaseHistory(entries=written[-1].history if written else ())

    @activity.defn(name="records.write_case")
    async def _write_case(self, step: WorkflowStep[CaseRecord]) -> StepWritten:
        if away := self.case_away.get(step.record.id):
            await away.wait()
        self.cases[step.record.order].append(step.record)
        return StepWritten(version=step.version)

    @activity.defn(name="records.replay")
    async def _replay(self, replay: Replay) -> StepWritten:
        self.replayed[replay.order].extend(replay.ids)
        return StepWritten(version=len(replay.ids))

    @activity.defn(name="records.authorise_return")
    async def _authorise(self, start: ReturnStart) -> ReturnState:
        return ReturnState.AUTHORISED

    @activity.defn(name="records.write_return")
    async def _write_return(self, step: WorkflowStep[StepRecord]) -> StepWritten:
        self.returns[step.record.order].append(Said(step.record))
        return StepWritten(version=step.version)

    def _effect(self, name: str) -> Callable[..., Any]:
        @activity.defn(name=name)
        async def carry(effect: OrderEffect) -> EffectReceipt:
            express = activity.info().is_local
            self.attempts[effect.order].append((effect, express))
            if wait := self.carrying.get(effect.order):
                await wait(effect)
            trouble = self.trouble.get((effect.order, effect.system))
            if trouble and trouble(effect, express):
                return EffectReceipt(declined=True)
            carry_out(self.done[effect.order], effect, lossy=self.lossy)
            named = name == "tms.tender_transport" and effect.order not in self.unnamed
            return EffectReceipt(reference=effect.key, carrier=(said(effect).carrier or CARRIER) if named else None)

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

    async def release(self, task_timeout: timedelta = TASK_TIMEOUT) -> None:
        """Release it, as the gateway does, and wait until it is opened."""
        await self.world.client.start_workflow(
            OrderWorkflow.run,
            OrderRun(start=self.start),
            id=self.start.workflow_id,
            task_queue="orders",
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            task_timeout=task_timeout,
        )
        await until(lambda: bool(self.steps))

    async def begin(self, run: OrderRun) -> None:
        """Begin a later run, as a restart does."""
        await self.world.client.start_workflow(
            OrderWorkflow.run, run, id=self.start.workflow_id, task_queue="orders", task_timeout=TASK_TIMEOUT
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
        await until(lambda: {e.id for e in events} <= {o.event_id for o in self.outcomes})
        await self._stands()

    async def _stands(self) -> None:
        await stands(self.world.client, self.world.written[self.key], lossy=self.world.lossy)

    async def cancel(self, reason: str = "customer withdrew", request: str = "c1") -> CommandAnswer:
        """Ask for a cancellation."""
        return await self.ask(Verb.CANCEL, CancelRequest(id=request, reason=reason))

    async def ask(self, verb: Verb, request: Contract, role: Role = Role.SUPPORT) -> CommandAnswer:
        """Ask something of it, as a person in support does, and wait for the verdict. Raises CommandRefused."""
        asked = self.command(request, role)
        await self.handle.signal(verb, asked)
        await until(lambda: any(it.inbox_id == asked.inbox_id for it in self.outcomes))
        await self._stands()
        verdict = next(it for it in self.outcomes if it.inbox_id == asked.inbox_id)
        if verdict.superseded:
            raise CommandRefused(verdict.superseded)
        return CommandAnswer.model_validate(verdict.answer)

    async def refused(self, verb: Verb, request: Contract, role: Role = Role.SUPPORT) -> str:
        """Why a request is refused."""
        with pytest.raises(CommandRefused) as error:
            await self.ask(verb, request, role)
        return str(error.value)

    def command(self, request: Contract, role: Role = Role.SUPPORT) -> Command[Any]:
        """A request as the gateway hands it over."""
        now = datetime.now(UTC)
        by = "erp-one" if role is Role.ERP else "sam"
        inbox_id = self.world.messages.setdefault((self.key, by, role, request.model_dump_json()), next(_inbox))
        return Command(request=request, by=by, role=role, inbox_id=inbox_id, accepted_at=now)

    async def status(self) -> StatusAnswer:
        """The answer to the status query."""
        return await self.handle.query(OrderWorkflow.status)

    async def owes_nothing(self) -> None:
        """Wait until every lane is empty."""

        async def paid() -> bool:
            return not (await self.status()).owed

        await until(paid)

    @property
    def steps(self) -> list[Said]:
        """Every record that it has written."""
        return [Said(step.record) for step in self.world.written[self.key]]

    @property
    def outcomes(self) -> list[InputOutcome]:
        """Every verdict in its steps."""
        return [outcome for step in self.world.written[self.key] for outcome in step.outcomes]

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

    def carried(self, operation: Operation) -> list[Effect[Any]]:
        """The effects of one operation that a system has carried out, in that order."""
        return [effect for effect in self.world.done[self.key] if effect.operation is operation]

    def line(self, number: int) -> LineRecord:
        """A line as it was written down last, or as it was released."""
        return self.lines[number]

    @property
    def lines(self) -> dict[int, LineRecord]:
        """Every line as it stands: a record holds those that changed."""
        opened = lifecycle.open_order(self.start).state
        found = {line.line: line_record(opened, line) for line in opened.lines}
        return {**found, **{line.line: line for step in self.steps for line in step.lines}}

    @property
    def shipments(self) -> dict[str, OrderStatus]:
        """Every shipment as it stands."""
        return {it.shipment: it.status for step in self.steps for it in step.shipments}

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
        return [o.superseded for o in self.outcomes if o.event_id == event_id]


@asynccontextmanager
async def world_on(client: Client, *workflows: type, cached: int | None = None) -> AsyncIterator[World]:
    """Workers for the orders and for each system's queue. Other workflow classes than the real one may be given."""
    world = World(client, REPEATS or cached is not None)
    systems = (System.ERP, System.WMS, System.TMS)
    async with workers(client, workflows or WORKFLOWS, world.activities(), systems, cached):
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
