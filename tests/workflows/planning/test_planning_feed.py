"""A hot item makes neither a hot workflow nor hot calls: ten thousand movements, a short history, each counted once."""

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
import pytest_asyncio
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from activities.planning.feed import FeedLimits, PlanningActivities
from schemas.planning.feeds import FeedRun
from store.engine import Database
from store.messaging.wake import Wake
from store.planning import planning, site_regions
from tests.activities.test_planning import Planning, system  # noqa: F401 - a fixture
from tests.stack.standins import until
from workflows.planning.planning_feed import PlanningFeedWorkflow
from workflows.runtime import singleton

MOVEMENTS, AT_ONCE, CYCLES = 10_000, 500, 3
ITEM, SITE = "HOT", "LYS"


@pytest_asyncio.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A database that knows where the site is."""
    async with Database(database_url, 4) as database:
        async with database.transaction() as connection:
            await site_regions.know_site(connection, SITE, "EMEA")
        yield database


async def move_a_lot(database: Database) -> None:
    """Ten thousand movements of one item at one site, a few hundred in each transaction."""
    for first in range(1, MOVEMENTS, AT_ONCE):
        async with database.transaction() as connection:
            await connection.execute(
                "INSERT INTO planning_delta (key, region, order_key, item, site, day, kind, packs, accepted_at) "
                "SELECT 'hot/' || n, '', 'LYS/HOT', %s, %s, current_date, 'stock:on_hand', 1, clock_timestamp() "
                "FROM generate_series(%s::int, %s) n",
                (ITEM, SITE, first, first + AT_ONCE - 1),
            )
            await connection.execute(f"NOTIFY {planning.CHANNEL}")


async def test_ten_thousand_movements_of_one_item_leave_a_short_history_and_few_calls(
    database: Database,
    system: Planning,  # noqa: F811
    temporal_client: Client,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(singleton, "FEED_CYCLES_PER_RUN", CYCLES)
    queue, run = f"feeds-{uuid4()}", FeedRun(region="EMEA")
    limits = FeedLimits(batch=500, linger_s=0.2, run_for_s=1.0)
    async with Wake(database.url, (planning.CHANNEL,)) as wake:
        feed = PlanningActivities(system, database, wake, limits).feed
        runner = UnsandboxedWorkflowRunner()
        worker = Worker(temporal_client, task_queue=queue, workflows=[PlanningFeedWorkflow], workflow_runner=runner)
        async with worker, Worker(temporal_client, task_queue="planning", activities=[feed]):
            started = await temporal_client.start_workflow(
                PlanningFeedWorkflow.run, run, id=f"{run.workflow_id}-{queue}", task_queue=queue
            )
            await move_a_lot(database)

            async def told() -> bool:
                return await system.knows(ITEM) == {"stock:on_hand": MOVEMENTS}

            await until(told)

            async def renewed() -> bool:
                known = temporal_client.get_workflow_handle(started.id, run_id=started.first_execution_run_id)
                return (await known.describe()).status is WorkflowExecutionStatus.CONTINUED_AS_NEW

            await until(renewed)
            first = temporal_client.get_workflow_handle(started.id, run_id=started.first_execution_run_id)
            history = await first.fetch_history()
            await temporal_client.get_workflow_handle(started.id).terminate()
    assert len(history.events) <= 5 + 6 * CYCLES, "a few events for each run of the activity, however much moves"
    assert all(len(rows) == 1 for _, rows in system.sent), "netted"
    async with database.connection() as connection:
        figures = await planning.figures(connection)
    assert figures["movements"] == MOVEMENTS
    assert figures["per_1000"] <= 20
