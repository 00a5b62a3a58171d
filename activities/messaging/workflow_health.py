"""Every open workflow is looked at in turn: does it run, does it make progress, is it close to a limit of Temporal.

Each is described by its id. Lists of workflows are not asked for: production answers ten a second, and late.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from temporalio import activity
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from activities.finance.reconciliation import written
from domain.finance.reconciliation import Patience
from domain.messaging import workflow_health
from domain.messaging.workflow_health import Seen
from schemas.finance.reconciliation import Comparison, ReconcileReport, ReconcileRun
from store.engine import Connection, Database
from store.finance import reconciliation as books
from store.messaging import restarting
from store.messaging.heads import KeptHead

AT_ONCE = 8
"""Workflows that are described at the same time."""
AT_FIRST = Patience(settle_s=0.0)
"""No patience: a workflow that does not run does not recover by itself."""


@dataclass
class WatchRound:
    """The start of this worker's next round; each worker goes round by itself."""

    after: str = ""


@dataclass(frozen=True)
class WatchActivities:
    """Looks at `limit` workflows in a run, and at those again of which something was wrong."""

    client: Client
    database: Database
    limit: int = 2_000
    round: WatchRound = field(default_factory=WatchRound)

    @activity.defn(name="reconciliation.workflows")
    async def workflows(self, run: ReconcileRun) -> ReconcileReport:
        """Look once. Raises RPCError when Temporal is away; what was wrong stays as it is then."""
        info, now = activity.info(), datetime.now(UTC)
        id = f"{info.workflow_id}/{info.workflow_run_id}"
        async with self.database.connection() as connection:
            await books.begun(connection, run, id, now)
            known = list(await books.open_ones(connection, run))
            heads = await self._turn(connection, known)
            waiting = await restarting.waiting(connection, [it.subject for it in heads])
        seen = [it.model_copy(update={"waiting": waiting.get(it.subject, 0)}) for it in await self._looks(heads)]
        comparison = Comparison(
            compared=len(seen), differences=tuple(filter(None, map(workflow_health.difference, seen)))
        )
        async with self.database.transaction() as connection:
            report = await written(connection, run, comparison, AT_FIRST, now)
            await books.ended(connection, id, report.compared, report.differences, report.explained)
        return report

    async def _turn(self, connection: Connection, known: list[str]) -> list[KeptHead]:
        """The next workflows, and those of which something was wrong and that are open still."""
        page = await restarting.open_heads(connection, self.round.after, self.limit)
        self.round.after = page[-1].workflow_id if len(page) == self.limit else ""
        names = {it.workflow_id for it in page}
        return [*page, *await restarting.still_open(connection, [name for name in known if name not in names])]

    async def _looks(self, heads: Iterable[KeptHead]) -> list[Seen]:
        """The state of each workflow. One that ended between two looks is left out."""
        places = asyncio.Semaphore(AT_ONCE)

        async def one(it: KeptHead) -> Seen:
            async with places:
                activity.heartbeat(it.workflow_id)
                return await self._look(it)

        seen = await asyncio.gather(*map(one, heads))
        stopped = [it.workflow_id for it in seen if it.status != workflow_health.RUNNING]
        async with self.database.connection() as connection:
            still = {it.workflow_id for it in await restarting.still_open(connection, stopped)}
        return [it for it in seen if it.status == workflow_health.RUNNING or it.workflow_id in still]

    async def _look(self, it: KeptHead) -> Seen:
        try:
            found = await self.client.get_workflow_handle(it.workflow_id).describe()
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return Seen(workflow_id=it.workflow_id, subject=it.subject, status="not found")
            raise
        info = found.raw_description.workflow_execution_info
        return Seen(
            workflow_id=it.workflow_id,
            subject=it.subject,
            status=found.status.name.lower().replace("_", " ") if found.status else "unknown",
            attempt=found.raw_description.pending_workflow_task.attempt,
            events=found.history_length,
            bytes=info.history_size_bytes,
        )
