"""A worker with the real order workflow, and stand-in activities that note what they are asked and fail on demand."""

from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from temporalio import activity
from temporalio.client import Client, WithStartWorkflowOperation, WorkflowHandle
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import ApplicationError
from temporalio.worker import Worker

from domain.state import OrderRun
from schemas.base import Origin, System, Variant
from schemas.effects import SYSTEM_OF, Effect, EffectReceipt
from schemas.lifecycle import CancelOrder, OrderOutcome, OrderStart, StatusAnswer
from schemas.milestones import MilestoneEvent, MilestoneKind
from schemas.orders import CancelAnswer, CancelRequest, LinePromise, Promise
from schemas.records import StepRecord, Written
from tests.domain import builders
from tests.stack.standins import until
from worker import sandbox
from workflows.order import OrderWorkflow
from workflows.policies import TASK_TIMEOUT

CARRIER = "carrier-alpha"
Trouble = Callable[[Effect, bool], bool]
"""Whether a system declines an effect; raises its other answers. The flag says whether the call is express."""

_numbers = count(1)


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

    def activities(self) -> list[Callable[..., Any]]:
        """Stand-ins under the names of the real activities."""
        return [self._write_step, *(self._effect(f"{system}.{name}") for name, system in SYSTEM_OF.items())]

    @activity.defn(name="records.write_step")
    async def _write_step(self, record: StepRecord) -> Written:
        if hold := self.holding.get(record.order):
            await hold(record)
        self.steps[record.order].append(record)
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
            return EffectReceipt(reference=effect.key, carrier=CARRIER if name == "tms.tender_transport" else None)

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

    async def cancel(self, reason: str = "customer withdrew", request: str = "c1") -> CancelAnswer:
        """Ask for a cancellation."""
        wish = CancelRequest(id=request, reason=reason)
        return await self.handle.execute_update(
            OrderWorkflow.cancel, CancelOrder(request=wish, inbox_id=90, accepted_at=datetime.now(UTC))
        )

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
                workflows=list(workflows or (OrderWorkflow,)) if queue == "orders" else (),
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
