"""Stand-in workflows under the product's names: they note what they are told, and refuse what they are told to."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date

from temporalio import workflow
from temporalio.client import Client
from temporalio.exceptions import ApplicationError
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from domain.purchase_run import InboundRun
from domain.state import OrderRun
from schemas.commands import Amendment, Command, CommandAnswer, HoldRequest, ReplanDecision, ReturnAnswer
from schemas.lifecycle import StatusAnswer
from schemas.orders import OrderStatus, Promise
from schemas.purchasing import PurchaseDocument
from schemas.replenishment import ReplenishmentStart
from schemas.returns import ReturnStart


@workflow.defn(name="Order")
class StandInOrder:
    """An order that runs until it is held for the reason `end`, and counts its amendments."""

    @workflow.init
    def __init__(self, run: OrderRun) -> None:
        self._start = run.start
        self._amended = 0
        self._decisions: list[str] = []
        self._ended = False

    @workflow.run
    async def run(self, run: OrderRun) -> None:
        """Wait for the end."""
        await workflow.wait_condition(lambda: self._ended and workflow.all_handlers_finished())

    @workflow.update
    async def release(self, digest: str) -> Promise:
        """The promise of the start."""
        return self._start.promise

    @workflow.update
    async def amend(self, command: Command[Amendment]) -> CommandAnswer:
        """Count."""
        self._amended += 1
        done = f"amendment {self._amended}" + (", with an address" if command.request.address else "")
        return CommandAnswer(order=self._start.key, status=OrderStatus.PROMISED, done=done)

    @workflow.update
    async def hold(self, command: Command[HoldRequest]) -> CommandAnswer:
        """End."""
        self._ended = True
        return CommandAnswer(order=self._start.key, status=OrderStatus.PROMISED)

    @hold.validator
    def _check(self, command: Command[HoldRequest]) -> None:
        if command.request.reason != "end":
            raise ApplicationError("too late: cancel it instead", type="refused")

    @workflow.signal
    def replan(self, command: Command[ReplanDecision]) -> None:
        """Note."""
        self._decisions.append(f"{command.request.verdict} by {command.by}")

    @workflow.query
    def status(self) -> StatusAnswer:
        """What was decided and which limit of tenders the order started with, as `failure`."""
        return StatusAnswer(
            order=self._start.key,
            status=OrderStatus.PROMISED,
            conditions=tuple(self._decisions),
            promised_on=date(2026, 5, 20),
            missing=(),
            owed=(),
            failure=str(self._start.policy.tender_limit),
        )


@workflow.defn(name="Return")
class StandInReturn:
    """A return that is over once it was authorised."""

    @workflow.init
    def __init__(self, start: ReturnStart) -> None:
        self._start = start
        self._asked = False

    @workflow.run
    async def run(self, start: ReturnStart) -> None:
        """Wait for the question."""
        await workflow.wait_condition(lambda: self._asked and workflow.all_handlers_finished())

    @workflow.update
    async def authorise(self, rma: str) -> ReturnAnswer:
        """Refuse what is broken."""
        self._asked = True
        if self._start.reason == "broken":
            raise ApplicationError("nothing was delivered", type="refused")
        return ReturnAnswer(order=self._start.order, rma=rma, state=self._start.items[1], packs=7)


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
    async for left in client.list_workflows("ExecutionStatus = 'Running' AND WorkflowType = 'Order'"):
        await client.get_workflow_handle(left.id).terminate()
