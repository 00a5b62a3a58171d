"""Singleton workflows: feeds, governors, notices and promising, one of each, and the Schedules of reconciliation.

The worker keeps starting them: Temporal may have been away, one may have ended, and orders bring new sites, ERPs and
regions.
"""

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from typing import NamedTuple, Protocol

from psycopg import OperationalError
from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError

from dispatch.temporal import schedules
from schemas.base import System
from schemas.cases.notifications import NoticesRun
from schemas.finance.erp_feed import ErpFeedRun
from schemas.finance.reconciliation import ReconcileRun
from schemas.inventory.promising import PromisingRun
from schemas.planning.governor import GovernorRun
from schemas.queues import ORDERS_QUEUE
from schemas.settings import Settings
from store.engine import Database
from store.finance import comparing

CHECK_EVERY_S = 60.0
"""Seconds between checks at most: an ended feed is back within a minute."""


class SingletonRun(Protocol):
    """The start of a singleton workflow."""

    @property
    def workflow_id(self) -> str:
        """There is one of it."""
        ...


class SingletonStart(NamedTuple):
    """A workflow that never ends: its name, its start, and what support reads of it."""

    workflow: str
    run: SingletonRun
    summary: str


def configured(config: Settings) -> Iterator[SingletonStart]:
    """Singletons that the settings name."""
    for feed in config.planning_feeds:
        yield SingletonStart("PlanningFeed", feed, f"Planning feed {feed.name}")
    for erp in sorted(set(config.stock_erp.values())):
        yield erp_feed(erp)
    yield SingletonStart("Notices", NoticesRun(), "Alerts and customer messages")
    yield SingletonStart("Promising", PromisingRun(), "Promises kept in step with stock and supply")


def erp_feed(erp: str) -> SingletonStart:
    """The feed of an ERP: it owns stock, or gets the freight of its orders."""
    return SingletonStart("StockFeed", ErpFeedRun(erp=erp), f"Stock, forecasts and freight for {erp}")


def per_target(targets: list[ReconcileRun]) -> Iterator[SingletonStart]:
    """Singletons by compared system: a governor for each region, a feed for each ERP."""
    for region in sorted({it.target for it in targets if it.system == System.PLANNING}):
        yield SingletonStart("Governor", GovernorRun(region=region), f"re-plans of {region}")
    for erp in sorted({it.target for it in targets if it.system == System.ERP}):
        yield erp_feed(erp)


async def ensure(client: Client, it: SingletonStart) -> None:
    """Start it, unless it runs."""
    with suppress(WorkflowAlreadyStartedError):
        await client.start_workflow(
            it.workflow,
            it.run,
            id=it.run.workflow_id,
            task_queue=ORDERS_QUEUE,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            static_summary=it.summary,
        )


async def supervise(client: Client, database: Database, config: Settings) -> None:
    """See to it for ever. A database or Temporal that is away is waited for."""
    every_s, first = config.reconcile_every_s, True
    while True:
        with suppress(OperationalError, RPCError):
            for it in configured(config):
                await ensure(client, it)
            async with database.connection() as connection:
                targets = await comparing.targets(connection)
            at_leisure = [*targets, schedules.OF_BOOKS, schedules.OF_NOTICES]
            await schedules.ensure(client, at_leisure, every_s, adjust=first)
            often = [schedules.OF_INBOX, schedules.OF_WORKFLOWS, schedules.OF_OUTAGES]
            inbox_every_s = min(every_s, schedules.INBOX_EVERY_S)
            await schedules.ensure(client, often, inbox_every_s, adjust=first)
            audit_every_s = min(every_s, schedules.AUDIT_EVERY_S)
            await schedules.ensure(client, [schedules.OF_AUDIT], audit_every_s, adjust=first)
            for it in per_target(targets):
                await ensure(client, it)
            first = False
        await asyncio.sleep(min(every_s, CHECK_EVERY_S))
