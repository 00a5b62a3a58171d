"""The planning feed: in bulk, each movement until it was confirmed, and never dead because planning said no."""

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import timedelta

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.planning import FeedLimits, PlanningActivities
from connectors.ports import Call, ConnectorError, Refused, Unavailable
from schemas.base import Origin
from schemas.effects import Movement
from schemas.feeds import FeedRun
from schemas.instructions import Accepted, PlanningBatch
from store import planning, report, steps
from store.engine import Connection, Database
from store.wake import Wake
from tests.stack.standins import until
from tests.store.rows import DELTA, FIRST, KEY, SHIPPED, open_order

RUN = FeedRun(region="EMEA")


@dataclasses.dataclass
class Planning:
    """A planning system that notes batches, or fails."""

    error: ConnectorError | None = None
    batches: list[tuple[str, list[str]]] = dataclasses.field(default_factory=list)

    async def send(self, batch: PlanningBatch, call: Call) -> Accepted:
        """Note a batch."""
        self.batches.append((call.key, [f"{row.item} {row.packs}" for row in batch.rows]))
        if self.error:
            raise self.error
        return Accepted(reference="R")


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A database with three movements to send."""
    async with Database(database_url, 3) as database:
        await open_order(database)
        await steps.write(database, FIRST)
        deltas = tuple(
            DELTA.model_copy(update={"key": f"{KEY}/{n}/{m}", "movements": (Movement(item=f"I{n}", quantity=10),)})
            for n in range(3)
            for m in range(2)
        )
        await steps.write(database, SHIPPED.model_copy(update={"deltas": deltas}))
        yield database


async def fed(connection: Connection) -> bool:
    """Whether planning has confirmed every movement."""
    return (await report.progress(connection))["unplanned"] == 0


async def feed(database: Database, system: Planning) -> None:
    """Feed until everything is sent."""
    async with Wake(database.url, (planning.CHANNEL,)) as wake:
        activities = PlanningActivities(system, database, wake, FeedLimits(batch=2, linger_s=0.0))
        running = asyncio.create_task(ActivityEnvironment().run(activities.feed, RUN))

        async def sent() -> bool:
            async with database.connection() as connection:
                return running.done() or await fed(connection)

        await until(sent)
        if running.done():
            await running
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


async def test_movements_go_in_bulk_and_once(database: Database) -> None:
    system = Planning()
    await feed(database, system)
    assert [keys for _, keys in system.batches] == [["I0 20", "I1 20"], ["I2 20"]]
    assert len({key for key, _ in system.batches}) == 2
    await feed(database, system)
    assert len(system.batches) == 2


@pytest.mark.parametrize(
    "error", [Unavailable(Origin.PLANNING_API, "no answer", 3.0), Refused(Origin.PLANNING_API, "planning: HTTP 403")]
)
async def test_what_planning_did_not_take_is_sent_again(database: Database, error: ConnectorError) -> None:
    system = Planning(error)
    with pytest.raises(ApplicationError) as failed:
        await feed(database, system)
    assert failed.value.type == "planning_api"
    assert not failed.value.non_retryable, "a refusal must not end the feed of a whole region"
    asked_to_wait = isinstance(error, Unavailable)
    assert failed.value.next_retry_delay == (timedelta(seconds=3) if asked_to_wait else None)
    system.error = None
    await feed(database, system)
    assert [keys for _, keys in system.batches[1:]] == [["I0 20", "I1 20"], ["I2 20"]]
    assert system.batches[0] == system.batches[1], "the same batch under the same key"
