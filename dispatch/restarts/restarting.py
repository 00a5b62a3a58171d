"""Workflows that do not run although what they are about is open: begun again from PostgreSQL.

A new run begins with the snapshot of the newest step that has one. Later decisions are made again, in their order;
waiting messages follow. Books, ledger and keys see to it that nothing is done twice.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from dispatch.ports import CommandRefused
from dispatch.restarts import begun, missed, starting
from schemas.plurals import counted
from schemas.workflow_ids import WorkflowId, WorkflowKind
from store.audit import audit_trail
from store.engine import Database
from store.messaging import heads, restarting
from store.messaging.heads import KeptHead
from workflows.runtime.timeouts_and_retries import RESTART_TIMEOUT

PAGE = 200
"""Heads read at once: small enough to keep no transaction open for long."""
AT_ONCE = 8
"""Workflows that are begun at the same time: each takes a connection of the pool for a moment."""
TRIES = 10
"""Tries while a step is being written: its transaction ends within a second."""
PAUSE_S = 0.3
"""A step that is being written keeps its head for less than a workflow task has: all tries outlast it."""
KINDS = (
    *(WorkflowKind.CASE, WorkflowKind.RETURN, WorkflowKind.REPLENISHMENT),
    *(WorkflowKind.PURCHASE_ORDER, WorkflowKind.ORDER),
)
"""In which order all are begun: orders tell their cases and returns, which must be there."""


class Running(CommandRefused):
    """It runs: there is nothing to be begun again."""


class Written(CommandRefused):
    """A step of it is being written at this moment: asked again, it may be begun."""


@dataclass(frozen=True)
class RestartRequest:
    """The request to restart workflows, its author and reason. `replace`: also running ones, which are terminated
    first: histories of an earlier build cannot continue."""

    actor: str
    reason: str
    replace: bool = False


@dataclass
class Figures:
    """Outcomes of the restart, so far. `failed`: reasons by workflow id."""

    open: int = 0
    looked: int = 0
    running: int = 0
    begun: int = 0
    messages: int = 0
    failed: dict[str, str] = field(default_factory=dict)


class Restarter:
    """Begins workflows again."""

    def __init__(self, client: Client, database: Database) -> None:
        self._client, self._database = client, database

    async def subject(self, key: str, by: RestartRequest) -> str:
        """An order or purchase order, with its returns and cases; what was done, in words. Raises Running when all of
        them run, CommandRefused when nothing is open, RPCError."""
        async with self._database.connection() as connection:
            found = await restarting.of_subject(connection, key)
        if not found:
            raise CommandRefused(f"{key} has ended, or has not begun: there is nothing to begin again")
        done = Figures(open=len(found))
        for it in sorted(found, key=_rank):
            await self._look(it, by, done)
        if done.failed:
            raise CommandRefused("; ".join(f"{name}: {why}" for name, why in done.failed.items()))
        if not done.begun:
            raise Running(f"the workflow of {key} runs: only one that does not run is begun again")
        return f"{counted(done.begun, 'workflow')} begun again, {counted(done.messages, 'message')} brought back"

    async def every(self, by: RestartRequest, on_progress: Callable[[Figures], None]) -> Figures:
        """Everything that is open and does not run. May be repeated: what runs by then is left alone. Raises RPCError
        when Temporal is away."""
        done = Figures()
        async with self._database.connection() as connection:
            done.open = await restarting.count_open(connection)
        places = asyncio.Semaphore(AT_ONCE)

        async def one(it: KeptHead) -> None:
            async with places:
                await self._look(it, by, done)
                on_progress(done)

        for kind in KINDS:
            after = ""
            while True:
                async with self._database.connection() as connection:
                    page = await restarting.open_heads(connection, after, PAGE, f"{kind}/")
                await asyncio.gather(*map(one, page))
                if len(page) < PAGE:
                    break
                after = page[-1].workflow_id
        return done

    async def _look(self, it: KeptHead, by: RestartRequest, done: Figures) -> None:
        """Begin one, and count what became of it. One that cannot be begun does not keep the others from it."""
        done.looked += 1
        try:
            done.messages += await self._begin_patiently(it.workflow_id, by)
            done.begun += 1
        except Running:
            done.running += 1
        except (CommandRefused, LookupError, ValidationError) as error:
            done.failed[it.workflow_id] = str(error)[:300]

    async def _begin_patiently(self, workflow: str, by: RestartRequest) -> int:
        """As `_begin`, again while a step is being written. Raises Written when it is written after `TRIES`."""
        for _ in range(TRIES - 1):
            try:
                return await self._begin(workflow, by)
            except Written:
                await asyncio.sleep(PAUSE_S)
        return await self._begin(workflow, by)

    async def _begin(self, workflow: str, by: RestartRequest) -> int:
        """Begin one again; how many messages were brought back. Raises Running, Written, CommandRefused, LookupError,
        ValidationError, RPCError."""
        handle: Any = self._client.get_workflow_handle(workflow)
        if await self._runs(handle):
            if not by.replace:
                raise Running(f"{workflow} runs")
            await handle.terminate(by.reason, rpc_timeout=RESTART_TIMEOUT)
        async with self._database.connection() as connection:
            kept = await heads.kept(connection, workflow)
        if kept is None or kept.ended:
            raise Running(f"{workflow} has ended meanwhile")
        found = await begun.found(self._database, kept)
        async with self._database.transaction() as connection:
            if await heads.kept(connection, workflow, locked=True) != kept:
                raise Written("a step of it is being written, or somebody begins it again at this moment")
            made = await begun.prepared(connection, kept, found)
            forgotten = await restarting.adopt(connection, made.kept)
            back = await missed.bring_back(connection, made.kept, made.seen, forgotten)
            home = await missed.returned(connection, made.state) if made.state else []
            detail = {"run": made.run, "version": made.kept.snapshot_version, "messages": back.waiting}
            await audit_trail.add_entry(connection, by.actor, "workflow.restart", workflow, reason=by.reason, **detail)
            try:
                await starting.begin(self._client, made.beginning, RESTART_TIMEOUT)
            except WorkflowAlreadyStartedError:
                raise Running(f"{workflow} runs") from None
        await missed.tell(handle, back, RESTART_TIMEOUT)
        for outcome in home:
            await handle.signal("returned", outcome, rpc_timeout=RESTART_TIMEOUT)
        async with self._database.transaction() as connection:
            await missed.go_on(connection, workflow, back)
        return back.waiting

    async def _runs(self, handle: Any) -> bool:
        """Whether it runs; one that Temporal does not know does not. Raises RPCError."""
        try:
            described = await handle.describe(rpc_timeout=RESTART_TIMEOUT)
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return False
            raise
        return described.status is WorkflowExecutionStatus.RUNNING


def _rank(it: KeptHead) -> tuple[int, str]:
    return KINDS.index(WorkflowId.parse(it.workflow_id).kind), it.workflow_id
