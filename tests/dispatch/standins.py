"""Stand-in workflows under the product's names: they note what they are told, and decide nothing."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date

from temporalio import workflow
from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from domain.orders.order_run import OrderRun
from domain.procurement.purchase_run import InboundRun
from domain.returns.return_run import ReturnRun
from schemas.orders.milestones import MilestoneEvent
from schemas.orders.release import OrderStatus
from schemas.procurement.purchase_orders import PurchaseDocument
from schemas.procurement.replenishment import ReplenishmentStart
from schemas.workflows.commands import Amendment, Command, HoldRequest, ReplanDecision
from schemas.workflows.lifecycle import StatusAnswer


@workflow.defn(name="Order")
class StandInOrder:
    """An order that runs until it is held for the reason `end`, and notes what else it is asked."""

    @workflow.init
    def __init__(self, run: OrderRun) -> None:
        self._start = run.start
        self._heard: list[str] = []
        self._ended = False

    @workflow.run
    async def run(self, run: OrderRun) -> None:
        """Wait for the end."""
        await workflow.wait_condition(lambda: self._ended)

    @workflow.signal
    def amend(self, command: Command[Amendment]) -> None:
        """Note."""
        self._heard.append(f"amend {command.request.id} of {command.inbox_id}, address {command.request.address}")

    @workflow.signal
    def hold(self, command: Command[HoldRequest]) -> None:
        """End."""
        self._ended = command.request.reason == "end"

    @workflow.signal
    def replan(self, command: Command[ReplanDecision]) -> None:
        """Note."""
        self._heard.append(f"{command.request.verdict} by {command.by}")

    @workflow.query
    def status(self) -> StatusAnswer:
        """What was heard and which limit of tenders the order started with, as `failure`."""
        return StatusAnswer(
            order=self._start.key,
            status=OrderStatus.PROMISED,
            conditions=tuple(self._heard),
            promised_on=date(2026, 5, 20),
            missing=(),
            owed=(),
            failure=str(self._start.policy.tender_limit),
        )


@workflow.defn(name="Return")
class StandInReturn:
    """A return that runs until something was received, unless it is `over` at once."""

    def __init__(self) -> None:
        self._received = False

    @workflow.run
    async def run(self, start: ReturnRun) -> None:
        """Wait for goods."""
        await workflow.wait_condition(lambda: self._received or start.reason == "over")

    @workflow.signal
    def milestones(self, events: list[MilestoneEvent]) -> None:
        """Received."""
        self._received = True


@workflow.defn(name="Inbound")
class StandInInbound:
    """A purchase order that is over with its first documents; it gives their ids, and how its timeline began."""

    @workflow.init
    def __init__(self, run: InboundRun) -> None:
        self._documents: list[str] = []

    @workflow.run
    async def run(self, run: InboundRun) -> list[str]:
        """Wait for documents."""
        await workflow.wait_condition(lambda: bool(self._documents))
        return [*run.history, *self._documents]

    @workflow.signal
    def documents(self, documents: list[PurchaseDocument]) -> None:
        """Note."""
        self._documents += [it.id for it in documents]


@workflow.defn(name="Replenishment")
class StandInReplenishment:
    """A proposal that is decided at once."""

    @workflow.run
    async def run(self, start: ReplenishmentStart) -> None:
        """Nothing."""


@asynccontextmanager
async def standing_in(client: Client) -> AsyncIterator[None]:
    """A worker with these workflows while the block runs; orders that are left are ended."""
    workflows = [StandInOrder, StandInReturn, StandInInbound, StandInReplenishment]
    async with Worker(client, task_queue="orders", workflows=workflows, workflow_runner=UnsandboxedWorkflowRunner()):
        yield
    async for left in client.list_workflows("ExecutionStatus = 'Running' AND WorkflowType IN ('Order', 'Return')"):
        await client.get_workflow_handle(left.id).terminate()
