"""The worker: settings → dependencies → workers. Runs the workflows, the activities of every queue, and the relay."""

import asyncio
import gc
import os
import signal
from collections.abc import Mapping
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any

import structlog
import uvloop
from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from activities.carry import Carrier, Timeouts
from activities.erp import ErpActivities
from activities.erp_feed import ErpFeedActivities
from activities.freight_check import FreightActivities
from activities.gate import Gate
from activities.governor import GovernorActivities
from activities.inbox_check import InboxActivities
from activities.master import MasterData
from activities.notify import NotifyActivities
from activities.planning import FeedLimits, PlanningActivities
from activities.procurement import ProcurementRecords, ProposalActivities, PurchasingActivities, TransferActivities
from activities.promising import PromisingActivities
from activities.reconciling import ReconcileActivities
from activities.records import RecordActivities
from activities.telling import Teller
from activities.tms import TmsActivities
from activities.wms import WmsActivities
from connectors.dialect.bulk import DialectBulkErp
from connectors.dialect.clients import DialectErp, DialectPlanning, DialectTms, DialectWms
from connectors.dialect.master import DialectMasterData
from connectors.dialect.purchasing import DialectProposing, DialectPurchasing, DialectTransfers
from connectors.dialect.replanning import DialectReplanning
from connectors.dialect.stock import DialectStock
from connectors.http import SystemClient
from connectors.notify.channels import messengers
from connectors.notify.ports import Messenger
from gateway.endless import keep
from gateway.handoff import TemporalHandoff
from gateway.handoff_commands import ORDERS_QUEUE
from gateway.health import serve_health
from gateway.intake import Intake
from gateway.promising import redating
from gateway.relay import Relay
from schemas.base import System
from schemas.exceptions import Channel
from schemas.settings import QueueLimit, Settings, settings
from store import erp_feed, inbox, notices, planning, supply
from store.engine import Database
from store.wake import Wake
from workflows.erp_feed import StockFeedWorkflow
from workflows.exception_case import ExceptionCaseWorkflow
from workflows.governor import GovernorWorkflow
from workflows.inbound import InboundWorkflow
from workflows.notices import NOTIFY_QUEUE, NoticesWorkflow
from workflows.order import OrderWorkflow
from workflows.payloads import CONVERTER
from workflows.planning_feed import PlanningFeedWorkflow
from workflows.promising import PROMISING_QUEUE, PromisingWorkflow
from workflows.reconciliation import RECONCILE_QUEUE, ReconciliationWorkflow
from workflows.replenishment import ReplenishmentWorkflow
from workflows.returns import ReturnWorkflow
from workflows.sandbox import sandbox

GRACE = timedelta(seconds=5)
WORKFLOWS = (
    OrderWorkflow,
    ExceptionCaseWorkflow,
    ReturnWorkflow,
    InboundWorkflow,
    ReplenishmentWorkflow,
    PlanningFeedWorkflow,
    StockFeedWorkflow,
    NoticesWorkflow,
    ReconciliationWorkflow,
    GovernorWorkflow,
    PromisingWorkflow,
)


def build_workers(
    client: Client,
    config: Settings,
    database: Database,
    wake: Wake,
    http: dict[System, SystemClient],
    channels: Mapping[Channel, Messenger],
) -> list[Worker]:
    """One worker for workflows and database steps, one per system with that system's limits, one to reach people."""
    timeouts = Timeouts(express_s=config.express_timeout_s, queued_s=config.call_timeout_s)
    carriers = {system: Carrier(database, Gate(system), timeouts) for system in System}
    limits = FeedLimits(batch=config.planning_batch, linger_s=config.planning_linger_s)
    feed = PlanningActivities(DialectPlanning(http[System.PLANNING]), database, wake, limits)
    bulk = ErpFeedActivities(DialectBulkErp(http[System.ERP]), database, wake, limits)
    purchasing = PurchasingActivities(DialectPurchasing(http[System.ERP]), carriers[System.ERP])
    proposals = ProposalActivities(DialectProposing(http[System.PLANNING]), carriers[System.PLANNING])
    transfers = TransferActivities(DialectTransfers(http[System.WMS]), carriers[System.WMS])
    outside: dict[System, list[Any]] = {
        System.ERP: ErpActivities(DialectErp(http[System.ERP]), carriers[System.ERP]).all() + purchasing.all(),
        System.WMS: WmsActivities(DialectWms(http[System.WMS]), carriers[System.WMS]).all() + transfers.all(),
        System.TMS: TmsActivities(DialectTms(http[System.TMS]), carriers[System.TMS]).all(),
        System.PLANNING: [feed.feed, *proposals.all()],
    }
    express = [activity for system in (System.ERP, System.WMS, System.TMS) for activity in outside[system]]
    orders = Worker(
        client,
        task_queue=ORDERS_QUEUE,
        workflows=WORKFLOWS,
        activities=[
            *RecordActivities(database).all(),
            *ProcurementRecords(database).all(),
            *express,
            *proposals.all(),
        ],
        workflow_runner=sandbox() if config.workflow_sandbox else UnsandboxedWorkflowRunner(),
        graceful_shutdown_timeout=GRACE,
    )
    # The feed never is an express attempt, so it takes part in the system's own queue only.
    queued = {**outside, System.ERP: [*outside[System.ERP], bulk.feed]}
    systems = [queue_worker(client, system, queued[system], config.limits.get(system)) for system in System]
    own = own_work(client, config, database, wake, http)
    own[NOTIFY_QUEUE] = NotifyActivities(channels, database, wake).all()
    return [orders, *systems, *(queue_worker(client, queue, known, None) for queue, known in own.items())]


def own_work(
    client: Client, config: Settings, database: Database, wake: Wake, http: dict[System, SystemClient]
) -> dict[str, list[Any]]:
    """What is done for no order's sake, by queue: promises kept, books compared, plans governed."""
    ports = {system: DialectStock(http[system]) for system in System}
    registry = MasterData(DialectMasterData(http[System.ERP]), database, config)
    teller = Teller(database, DialectReplanning(http[System.PLANNING]))
    reconciling = ReconcileActivities(ports, database, config.stock_owner)
    return {
        PROMISING_QUEUE: [PromisingActivities(database, wake, redating).keep],
        RECONCILE_QUEUE: [
            reconciling.compare,
            InboxActivities(client, database).inbox,
            FreightActivities(database).freight,
            GovernorActivities(database, teller, registry, config.governor).govern,
        ],
    }


def queue_worker(client: Client, queue: str, activities: list[Any], limit: QueueLimit | None) -> Worker:
    """The worker of one queue. Eager execution is off: it would by-pass the queue's rate limit."""
    limit = limit or QueueLimit()
    return Worker(
        client,
        task_queue=queue,
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
        heard = (inbox.CHANNEL, planning.CHANNEL, notices.CHANNEL, erp_feed.CHANNEL, supply.CHANNEL)
        wake = await stack.enter_async_context(Wake(config.database_url, heard))
        endpoints = {
            System.ERP: config.erp,
            System.WMS: config.wms,
            System.TMS: config.tms,
            System.PLANNING: config.planning,
        }
        http = {s: await stack.enter_async_context(SystemClient(s, endpoints[s])) for s in System}
        channels = await stack.enter_async_context(messengers(config.notify))
        client = await Client.connect(
            config.temporal_address, namespace=config.temporal_namespace, data_converter=CONVERTER
        )
        for worker in build_workers(client, config, database, wake, http, channels):
            await stack.enter_async_context(worker)
        handoff = TemporalHandoff(client, database)
        registry = MasterData(DialectMasterData(http[System.ERP]), database, config)
        intake = Intake(database, config.stock_owner, registry)
        relay = asyncio.create_task(Relay(database, handoff, wake, intake).run())
        endless = asyncio.create_task(keep(client, database, config))
        await stack.enter_async_context(serve_health(int(os.environ.get("SYNCLINE_WORKER_HEALTH_PORT", "0"))))
        gc.freeze()  # what lives as long as the process is left out of every collection
        structlog.get_logger("worker").info("worker.ready")
        stopped = asyncio.create_task(stop.wait())
        ended, _ = await asyncio.wait([relay, endless, stopped], return_when=asyncio.FIRST_COMPLETED)
        relay.cancel()
        endless.cancel()
        for one in ended:
            one.result()  # what failed ends the process as it failed: it is started anew, and people see why


if __name__ == "__main__":
    uvloop.run(main(settings()))
