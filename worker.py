"""The worker: settings → dependencies → workers. Runs the workflows, the activities of every queue, and the relay."""

import asyncio
import gc
import os
import signal
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any

import structlog
import uvloop
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import UnsandboxedWorkflowRunner, Worker
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from activities.carry import Carrier, Timeouts
from activities.erp import ErpActivities
from activities.gate import Gate
from activities.planning import FeedLimits, PlanningActivities
from activities.records import RecordActivities
from activities.tms import TmsActivities
from activities.wms import WmsActivities
from connectors.dialect.clients import DialectErp, DialectPlanning, DialectTms, DialectWms
from connectors.http import SystemClient
from gateway.handoff import ORDERS_QUEUE, TemporalHandoff
from gateway.health import serve_health
from gateway.relay import Relay
from schemas.base import System
from schemas.settings import QueueLimit, Settings, settings
from store import inbox, planning
from store.engine import Database
from store.wake import Wake
from workflows.order import OrderWorkflow
from workflows.planning_feed import PlanningFeedWorkflow

OWN_MODULES = ("schemas", "domain", "workflows", "pydantic", "pydantic_core", "biip", "pycountry", "annotated_types")
GRACE = timedelta(seconds=5)


def sandbox() -> SandboxedWorkflowRunner:
    """The SDK's sandbox; our own models are passed through once instead of imported anew for each order."""
    return SandboxedWorkflowRunner(restrictions=SandboxRestrictions.default.with_passthrough_modules(*OWN_MODULES))


def build_workers(
    client: Client, config: Settings, database: Database, wake: Wake, http: dict[System, SystemClient]
) -> list[Worker]:
    """One worker for workflows and database steps, one per system with that system's limits."""
    timeouts = Timeouts(express_s=config.express_timeout_s, queued_s=config.call_timeout_s)
    carriers = {system: Carrier(database, Gate(system), timeouts) for system in System}
    erp = ErpActivities(DialectErp(http[System.ERP]), carriers[System.ERP])
    wms = WmsActivities(DialectWms(http[System.WMS]), carriers[System.WMS])
    tms = TmsActivities(DialectTms(http[System.TMS]), carriers[System.TMS])
    limits = FeedLimits(batch=config.planning_batch, linger_s=config.planning_linger_s)
    feed = PlanningActivities(DialectPlanning(http[System.PLANNING]), database, wake, limits)
    outside: dict[System, list[Any]] = {
        System.ERP: [erp.report_milestone, erp.redate_promise, erp.confirm_cancellation],
        System.WMS: [wms.instruct, wms.cancel],
        System.TMS: [tms.tender, tms.void],
        System.PLANNING: [feed.feed],
    }
    express = [activity for system in (System.ERP, System.WMS, System.TMS) for activity in outside[system]]
    orders = Worker(
        client,
        task_queue=ORDERS_QUEUE,
        workflows=[OrderWorkflow, PlanningFeedWorkflow],
        activities=[RecordActivities(database).write_step, *express],
        workflow_runner=sandbox() if config.workflow_sandbox else UnsandboxedWorkflowRunner(),
        graceful_shutdown_timeout=GRACE,
    )
    return [orders, *(queue_worker(client, system, outside[system], config.limits.get(system)) for system in System)]


def queue_worker(client: Client, system: System, activities: list[Any], limit: QueueLimit | None) -> Worker:
    """The worker of one system's queue. Eager execution is off: it would by-pass the queue's rate limit."""
    limit = limit or QueueLimit()
    return Worker(
        client,
        task_queue=system,
        activities=activities,
        max_concurrent_activities=limit.concurrent,
        max_task_queue_activities_per_second=limit.per_second,
        disable_eager_activity_execution=True,
        graceful_shutdown_timeout=GRACE,
    )


async def main(config: Settings) -> None:
    """Run until SIGINT or SIGTERM."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(Database(config.database_url, config.database_pool))
        wake = await stack.enter_async_context(Wake(config.database_url, (inbox.CHANNEL, planning.CHANNEL)))
        endpoints = {
            System.ERP: config.erp,
            System.WMS: config.wms,
            System.TMS: config.tms,
            System.PLANNING: config.planning,
        }
        http = {s: await stack.enter_async_context(SystemClient(s, endpoints[s])) for s in System}
        client = await Client.connect(
            config.temporal_address, namespace=config.temporal_namespace, data_converter=pydantic_data_converter
        )
        for worker in build_workers(client, config, database, wake, http):
            await stack.enter_async_context(worker)
        handoff = TemporalHandoff(client, database)
        async with database.connection() as connection:
            regions = await planning.regions(connection)
        for region in regions:
            await handoff.ensure_feed(region)
        relay = asyncio.create_task(Relay(database, handoff, wake).run())
        await stack.enter_async_context(serve_health(int(os.environ.get("SYNCLINE_WORKER_HEALTH_PORT", "0"))))
        gc.freeze()  # what lives as long as the process is left out of every collection
        structlog.get_logger("worker").info("worker.ready", regions=regions)
        await asyncio.wait([relay, asyncio.create_task(stop.wait())], return_when=asyncio.FIRST_COMPLETED)
        relay.cancel()


if __name__ == "__main__":
    uvloop.run(main(settings()))
