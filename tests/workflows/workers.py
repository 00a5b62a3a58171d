"""The workers of the workflow tests: usual ones, or ones without a cache, after which every run is replayed.

SYNCLINE_NO_CACHE=1 has every world of the tests work so. A worker without a cache replays a workflow from its history
at each of its tasks, so that what depends on memory shows.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from temporalio.client import Client
from temporalio.worker import Worker

from tests.faults.losing import WITHOUT_CACHE
from workflows.runtime.sandbox import sandbox

ORDERS = "orders"
USUAL = 1000
"""Workflows that a worker keeps in memory; the SDK's own number."""


@asynccontextmanager
async def workers(
    client: Client,
    workflows: Sequence[type],
    activities: Sequence[Callable[..., Any]],
    systems: Sequence[str] = (),
    cached: int | None = None,
) -> AsyncIterator[None]:
    """Workers of the orders' queue and of each system's. `cached`: how many workflows are kept in memory."""
    kept = cached if cached is not None else 0 if WITHOUT_CACHE else USUAL
    began = datetime.now(UTC)
    async with AsyncExitStack() as stack:
        for queue in (ORDERS, *systems):
            worker = Worker(
                client,
                task_queue=queue,
                workflows=workflows if queue == ORDERS else (),
                activities=activities,
                workflow_runner=sandbox(),
                max_cached_workflows=kept,
            )
            await stack.enter_async_context(worker)
        yield
    if kept < USUAL:
        await replay_all(client, workflows, began)


async def replay_all(client: Client, workflows: Sequence[type], since: datetime) -> int:
    """Replay every run that began since then, and say how many there were. Raises what does not fit."""
    from tests.replay.gate import name_of, refusals  # here, as the sandbox imports this module anew for its workflows

    names = ", ".join(f"'{name_of(it)}'" for it in workflows)
    query = f"StartTime >= '{since.isoformat()}' AND TaskQueue = '{ORDERS}' AND WorkflowType IN ({names})"
    many, found = await refusals(client.list_workflows(query).map_histories(), workflows)
    assert not found, "\n".join(found)
    return many
