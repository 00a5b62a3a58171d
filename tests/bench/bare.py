"""The baseline: the least Temporal workflow that makes the same calls, without anything that Syncline is for.

Two calls at release, six signals, two calls for each: fourteen activities. No event ids, no order of events, no
compensation, no database, no gateway. `post` makes the same HTTP calls to the same simulators as Syncline; `nothing`
makes none, which no product could.
"""

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta

from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.worker import Worker

with workflow.unsafe.imports_passed_through():
    from connectors.http.client import SystemClient
    from connectors.ports import Call
    from schemas.messaging.instructions import Accepted, ErpMilestone
    from schemas.orders.milestones import MilestoneKind
    from schemas.orders.release import OrderStatus
    from tests.bench.load import STAGES, in_waves

QUEUE = "bare"
CALLS_A_STEP = 2
PATIENCE = timedelta(seconds=30)


@workflow.defn(name="Bare")
class BareWorkflow:
    """What a first tutorial would write."""

    def __init__(self) -> None:
        self._signals: list[str] = []
        self._taken = 0

    @workflow.run
    async def run(self, order: str, call: str) -> None:
        """Two calls, then two for each of six signals."""
        await self._two(order, "release", call)
        while self._taken < len(STAGES):
            await workflow.wait_condition(lambda: len(self._signals) > self._taken)
            await self._two(order, self._signals[self._taken], call)
            self._taken += 1

    async def _two(self, order: str, step: str, call: str) -> None:
        for n in range(CALLS_A_STEP):
            await workflow.execute_activity(call, args=[order, step, n], start_to_close_timeout=PATIENCE)

    @workflow.signal
    def milestone(self, kind: str) -> None:
        """A milestone, as it comes."""
        self._signals.append(kind)


class Calls:
    """The activities, counted by step."""

    def __init__(self, erp: SystemClient) -> None:
        self._erp = erp
        self.done: Counter[tuple[str, str]] = Counter()

    @activity.defn
    async def post(self, order: str, step: str, n: int) -> None:
        """One HTTP call to the simulated ERP."""
        message = ErpMilestone(
            order=order,
            milestone=MilestoneKind.IN_TRANSIT,
            order_status=OrderStatus.IN_TRANSIT,
            shipment=f"{step}-{n}",
            occurred_at=datetime.now(UTC),
        )
        await self._erp.post(f"/v1/orders/{order}/milestones", message, Call("bare", f"{order}/{step}/{n}"), Accepted)
        self.done[order, step] += 1

    @activity.defn
    async def nothing(self, order: str, step: str, n: int) -> None:
        """No call at all."""
        self.done[order, step] += 1


async def orders_per_s(client: Client, erp: SystemClient, orders: int, call: str) -> float:
    """Carry orders through the bare workflow; how many a second."""
    calls = Calls(erp)
    worker = Worker(
        client,
        task_queue=QUEUE,
        workflows=[BareWorkflow],
        activities=[calls.post, calls.nothing],
        max_cached_workflows=2000,
    )
    prefix = f"{call}-{datetime.now(UTC):%H%M%S}"

    async def start(n: int) -> None:
        await client.start_workflow("Bare", args=[f"{prefix}-{n}", call], id=f"{prefix}-{n}", task_queue=QUEUE)

    async def signal(n: int, kind: str) -> None:
        await client.get_workflow_handle(f"{prefix}-{n}").signal("milestone", kind)

    async def reached(step: str, members: range) -> bool:
        return all(calls.done[f"{prefix}-{n}", step] >= CALLS_A_STEP for n in members)

    async with worker:
        took_s = await in_waves(orders, start, signal, reached)
        for n in range(orders):
            await client.get_workflow_handle(f"{prefix}-{n}").result()
    await asyncio.sleep(0)
    return orders / took_s
