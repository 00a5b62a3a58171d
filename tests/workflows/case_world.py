"""A worker with the real case workflow, and stand-in activities that note what is written and fail on demand."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from temporalio import activity, workflow
from temporalio.client import Client, WorkflowHandle
from temporalio.exceptions import ApplicationError
from temporalio.testing import TimeSkippingConfig, WorkflowEnvironment

from schemas.base import Role
from schemas.cases.cases import CaseNews, CaseOutcome, CaseRecord, CaseStart, Finding, Notice
from schemas.cases.exceptions import Action, CasePolicy, Channel, ExceptionKind, Tier
from schemas.workflows.commands import CaseAnswer, Command, NoteRequest
from schemas.workflows.records import StepWritten
from schemas.workflows.steps import InputOutcome, WorkflowStep
from stack.temporal import binary
from tests.stack.standins import until
from tests.workflows.told import CommandRefused, keep, named, stands
from workflows.cases import case_steps
from workflows.cases.exception_case import ExceptionCaseWorkflow
from workflows.runtime.payloads import CONVERTER
from workflows.runtime.timeouts_and_retries import TASK_TIMEOUT

LATE = Finding(kind=ExceptionKind.DELAY, subject="DN-1", summary="2 days late")
LATER = Finding(kind=ExceptionKind.DELAY, subject="DN-2", summary="5 days late")
POLICY = CasePolicy(
    version=7,
    tiers=(
        Tier(after_s=0, queue="transport"),
        Tier(after_s=3600, queue="transport-manager", channels=(Channel.EMAIL, Channel.CHAT)),
        Tier(after_s=7200, queue="executive"),
    ),
    actions=(Action.RESCHEDULE, Action.NOTIFY_CUSTOMER),
)

_numbers, _messages = count(1), count(500)


@workflow.defn(name="OpensACase")
class OpensACase:
    """Stands in for an order: opens a case, says how it is called, and ends."""

    @workflow.run
    async def run(self, start: CaseStart) -> str:
        """Open it."""
        return (await case_steps.open_case(start)).id


@dataclass
class CaseWorld:
    """What was written, by case. `away` raises while the database is away, or waits."""

    client: Client
    environment: WorkflowEnvironment
    lossy: bool
    written: dict[str, list[WorkflowStep[CaseRecord]]] = field(default_factory=lambda: defaultdict(list))
    messages: dict[tuple[str, ...], int] = field(default_factory=dict)
    away: dict[str, Callable[[], Awaitable[None]]] = field(default_factory=dict)

    @activity.defn(name="records.write_case")
    async def write_case(self, step: WorkflowStep[CaseRecord]) -> StepWritten:
        """The stand-in of the database step."""
        if away := self.away.get(step.record.id):
            await away()
        keep(self.written[step.record.id], step, lossy=self.lossy)
        return StepWritten(version=step.version)

    def unopened(self, policy: CasePolicy = POLICY, **changes: Any) -> "Case":
        """A case of an order of its own, that is opened now."""
        fields = {
            "order": f"erp-one/SO-{next(_numbers)}",
            "kind": ExceptionKind.DELAY,
            "number": 1,
            "findings": (LATE,),
            "opened_at": datetime.now(UTC),
            "policy": policy,
            "site": "LYS",
            "region": "EMEA",
            "carrier": "carrier-alpha",
        }
        return Case(self, CaseStart(**{**fields, **changes}))

    async def case(self, policy: CasePolicy = POLICY, **changes: Any) -> "Case":
        """The same, opened and written down."""
        case = self.unopened(policy, **changes)
        await case.open()
        await until(lambda: bool(case.steps))
        return case


@dataclass
class Case:
    """One case under test."""

    world: CaseWorld
    start: CaseStart

    async def open(self) -> None:
        """Start its workflow as a caller without a parent does."""
        await self.world.client.start_workflow(
            "ExceptionCase", self.start, id=self.start.workflow_id, task_queue="orders", task_timeout=TASK_TIMEOUT
        )

    @property
    def handle(self) -> WorkflowHandle[Any, CaseOutcome]:
        """Its workflow."""
        return self.world.client.get_workflow_handle(self.start.workflow_id, result_type=CaseOutcome)

    @property
    def steps(self) -> list[CaseRecord]:
        """Every record that it has written."""
        return [step.record for step in self.world.written[self.start.id]]

    @property
    def outcomes(self) -> list[InputOutcome]:
        """Every verdict in its steps."""
        return [outcome for step in self.world.written[self.start.id] for outcome in step.outcomes]

    @property
    def notices(self) -> list[Notice]:
        """Every notice that its records carry."""
        return [notice for step in self.steps for notice in step.notices]

    @property
    def sent(self) -> list[tuple[str, str]]:
        """What follows the case in the key of each notice, and to whom it goes."""
        return [(notice.key.removeprefix(f"{self.start.id}/"), notice.to) for notice in self.notices]

    async def wait(self, hours: float) -> None:
        """Let time pass, on its own clock."""
        await self.world.environment.fast_forward(self.handle, timedelta(hours=hours))

    async def tell(self, *findings: Finding, note: str = "") -> None:
        """News from the order."""
        news = CaseNews(findings=findings, at=datetime.now(UTC), note=note)
        await self.handle.signal(ExceptionCaseWorkflow.news, news)

    async def signal(self, verb: str, name: str = "r1", **fields: Any) -> None:
        """Somebody asks something of it."""
        request = NoteRequest(id=name, **fields)
        message = self.world.messages.setdefault((self.start.id, verb, request.model_dump_json()), next(_messages))
        command = Command[NoteRequest](
            request=request, by="ann", role=Role.SUPPORT, inbox_id=message, accepted_at=datetime.now(UTC)
        )
        await self.handle.signal(verb, command)

    async def ask(self, verb: str, name: str = "r1", **fields: Any) -> CaseAnswer:
        """Somebody asks something of it, and waits for the verdict. Raises CommandRefused."""

        def verdicts() -> list[InputOutcome]:
            return [it for it in self.outcomes if it.event_id == f"{verb} {name}"]

        await self.signal(verb, name, **fields)
        await until(lambda: bool(verdicts()))
        await stands(self.world.client, self.world.written[self.start.id], lossy=self.world.lossy)
        if refusal := verdicts()[-1].superseded:
            raise CommandRefused(refusal)
        return CaseAnswer.model_validate(verdicts()[-1].answer)

    async def status(self) -> CaseAnswer:
        """The answer to the status query."""
        return await self.handle.query(ExceptionCaseWorkflow.status)

    async def attributes(self) -> dict[str, Any]:
        """Its search attributes."""
        return {pair.key.name: pair.value for pair in (await self.handle.describe()).typed_search_attributes}

    async def events(self) -> list[str]:
        """The kinds of the events of its history."""
        return [kind for kind, _ in named(await self.handle.fetch_history())]


def until_set(back: asyncio.Event) -> Callable[[], Awaitable[None]]:
    """A database that is away until the event is set: the attempt inside the workflow task fails, the queued one waits,
    so that meanwhile the workflow hears and answers."""

    async def wait() -> None:
        if activity.info().is_local:
            raise ApplicationError("the database is away")
        await back.wait()

    return wait


@asynccontextmanager
async def case_world(*options: str) -> AsyncIterator[CaseWorld]:
    """A server on which each case's clock stands, or runs with ours, until it is told to jump; and a worker."""
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
        world = CaseWorld(client, environment, REPEATS)
        from tests.workflows.workers import workers  # the sandbox imports this module again, and not that one

        async with workers(client, (ExceptionCaseWorkflow, OpensACase), (world.write_case,)):
            yield world
