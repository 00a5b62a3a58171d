"""A proxy before the dev server, and a worker with small workflows that see Temporal only through it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from typing import Any
from uuid import uuid4

import pytest_asyncio
from temporalio import activity, workflow
from temporalio.client import Client, WorkflowHandle
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from tests.faults.losing import address_of
from tests.faults.temporal_proxy import TaskFaults, task_faults

SHORT = timedelta(seconds=2)
"""A time-out of workflow tasks that a test can wait for."""
_numbers = count(1)


@workflow.defn
class Ledger:
    """Writes down what it is told, each by a local activity, and ends when it is told to."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.waiting: list[str] = []
        self.ended = False

    @workflow.run
    async def run(self) -> list[str]:
        """What was told, in that order."""
        while True:
            await workflow.wait_condition(lambda: bool(self.waiting) or self.ended)
            if not self.waiting:
                return self.told
            await self._write(self.waiting.pop(0))

    @workflow.signal
    def tell(self, what: str) -> None:
        """A message that is in the history."""
        self.waiting.append(what)

    @workflow.signal
    def end(self) -> None:
        """End, when everything is written."""
        self.ended = True

    @workflow.update
    async def ask(self, what: str) -> str:
        """A message that only its task holds."""
        await self._write(what)
        return what

    @workflow.query
    def so_far(self) -> list[str]:
        """What has been written."""
        return self.told

    async def _write(self, what: str) -> None:
        await workflow.execute_local_activity("write", what, start_to_close_timeout=SHORT)
        self.told.append(what)


@dataclass
class Desk:
    """A client that connects through a proxy, and what the worker's activity was asked to write."""

    proxy: TaskFaults
    client: Client
    queue: str
    written: list[str] = field(default_factory=list)
    held: dict[str, asyncio.Event] = field(default_factory=dict)
    """What is written, but whose writing is not answered until the event is set."""

    @activity.defn(name="write")
    async def write(self, what: str) -> None:
        """Done at once, and for good, whatever becomes of the task."""
        self.written.append(what)
        if held := self.held.get(what):
            await held.wait()

    async def begin(self, **options: Any) -> WorkflowHandle[Ledger, list[str]]:
        """Start a ledger, and wait until its first task is done."""
        name = f"ledger-{uuid4()}" if "id" not in options else options.pop("id")
        begun = await self.client.start_workflow(
            Ledger.run, id=name, task_queue=self.queue, **{"task_timeout": SHORT, **options}
        )
        assert await begun.query(Ledger.so_far) == []
        return begun

    def worker(self, make: Callable[..., Worker] = Worker) -> Worker:
        """A worker of the queue."""
        return make(
            self.client,
            task_queue=self.queue,
            workflows=[Ledger],
            activities=[self.write],
            workflow_runner=UnsandboxedWorkflowRunner(),
        )


@asynccontextmanager
async def desk_before(client: Client, **chances: Any) -> AsyncIterator[Desk]:
    """A desk without a worker yet."""
    async with task_faults(address_of(client), **{"seed": 1, **chances}) as proxy:
        yield Desk(proxy, await Client.connect(proxy.address), f"faults-{next(_numbers)}")


@pytest_asyncio.fixture
async def desk(temporal_client: Client) -> AsyncIterator[Desk]:
    """A desk with a worker, before which only planned faults happen."""
    async with desk_before(temporal_client) as made, made.worker():
        yield made
