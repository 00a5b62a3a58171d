"""The worker: settings → dependencies → workers. Runs the workflows, the activities of every queue, and the relay."""

import asyncio
import gc
import os
import signal
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from functools import partial
from typing import Any

import structlog
import uvloop
from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from activities.cases.notify import NotifyActivities
from activities.cases.outage_check import OutageActivities
from activities.cases.undelivered import UndeliveredActivities
from activities.execution.executor import EffectExecutor, Timeouts
from activities.execution.gate import Gate
from activities.execution.once import OnceGuard
from activities.finance.audit_trail import AuditActivities
from activities.finance.freight_check import FreightActivities
from activities.finance.reconciliation import ReconcileActivities
from activities.finance.self_audit import BooksActivities
from activities.inventory.promising import PromisingActivities
from activities.messaging.inbox_check import InboxActivities
from activities.messaging.workflow_health import WatchActivities
from activities.partners.master_data import MasterData
from activities.planning.feed import FeedLimits, PlanningActivities
from activities.planning.governor import GovernorActivities
from activities.planning.notifier import PlanningNotifier
from activities.procurement.procurement import (
    ProcurementRecords,
    ProposalActivities,
    PurchasingActivities,
    TransferActivities,
)
from activities.records.records import RecordActivities
from activities.systems.erp import ErpActivities
from activities.systems.erp_feed import ErpFeedActivities
from activities.systems.tms import TmsActivities
from activities.systems.wms import WmsActivities
from connectors.connections import EnvironmentConnections, LocatedConnections
from connectors.notify.channels import messengers
from connectors.notify.ports import Sender
from connectors.ports import (
    BulkErpPort,
    ErpPort,
    MasterDataPort,
    PlanningPort,
    ProposingPort,
    PurchasingPort,
    ReplanPort,
    StockPort,
    TmsPort,
    TransferPort,
    WmsPort,
)
from connectors.registry import ADAPTERS
from connectors.routing import CallRouter
from dispatch.confirming import Confirmer
from dispatch.expecting import Expecting
from dispatch.handoff import TemporalHandoff
from dispatch.inventory.intake import Intake
from dispatch.orders.promising import reschedule_command
from dispatch.partners.live import PartnerRegistry
from dispatch.partners.secrets import SecretReader
from dispatch.relay import Relay
from dispatch.temporal.connecting import connect, connect_options
from dispatch.temporal.singletons import supervise
from schemas.base import System
from schemas.cases.exceptions import Channel
from schemas.queues import NOTIFY_QUEUE, ORDERS_QUEUE, PROMISING_QUEUE, RECONCILE_QUEUE
from schemas.settings import WORKER_HEALTH_PORT, QueueLimit, Settings, settings
from store.audit.anchors import Anchors
from store.cases import notices
from store.engine import Database
from store.finance import erp_feed
from store.inventory import supply
from store.messaging import inbox
from store.messaging.call_locks import CallLocks
from store.messaging.wake import Wake
from store.planning import planning
from store.seals import Seals
from telemetry import logging
from telemetry.health import Health, serve_health
from workflows.cases.exception_case import ExceptionCaseWorkflow
from workflows.cases.notices import NoticesWorkflow
from workflows.finance.erp_feed import StockFeedWorkflow
from workflows.finance.reconciliation import ReconciliationWorkflow
from workflows.inventory.promising import PromisingWorkflow
from workflows.orders.order import OrderWorkflow
from workflows.orders.returns import ReturnWorkflow
from workflows.planning.governor import GovernorWorkflow
from workflows.planning.planning_feed import PlanningFeedWorkflow
from workflows.procurement.purchase_order import InboundWorkflow
from workflows.procurement.replenishment import ReplenishmentWorkflow
from workflows.runtime.sandbox import sandbox
from workflows.runtime.timeouts_and_retries import GRACE

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
    # one workflow a line: `make workflow` writes above this one
)
CALLS: tuple[tuple[System, type[Any], Callable[[Any, EffectExecutor], list[Any]]], ...] = (
    (System.ERP, ErpPort, lambda port, executor: ErpActivities(port, executor).all()),
    (System.ERP, PurchasingPort, lambda port, executor: PurchasingActivities(port, executor).all()),
    (System.WMS, WmsPort, lambda port, executor: WmsActivities(port, executor).all()),
    (System.WMS, TransferPort, lambda port, executor: TransferActivities(port, executor).all()),
    (System.TMS, TmsPort, lambda port, executor: TmsActivities(port, executor).all()),
    (System.PLANNING, ProposingPort, lambda port, executor: ProposalActivities(port, executor).all()),
    # one class of calls a line: `make step` writes above this one
)
"""What workflows ask of each kind of system, in the task and from the system's queue, and by which port."""


def build_workers(
    client: Client,
    config: Settings,
    database: Database,
    wake: Wake,
    router: CallRouter,
    guard: OnceGuard,
    channels: Mapping[Channel, Sender],
    audit: AuditActivities,
    confirmer: Confirmer,
    master: MasterData,
) -> list[Worker]:
    """One worker for workflows and database steps, one per system with that system's limits, one to reach people."""
    timeouts = Timeouts(express_s=config.express_timeout_s, queued_s=config.call_timeout_s)
    executors = {
        system: EffectExecutor(database, Gate(system), timeouts, partial(router.once, system), guard)
        for system in System
    }
    limits = FeedLimits(batch=config.planning_batch, linger_s=config.planning_linger_s)
    feed = PlanningActivities(router.port(PlanningPort, System.PLANNING), database, wake, limits)
    bulk = ErpFeedActivities(router.port(BulkErpPort, System.ERP), database, wake, limits)
    outside: dict[System, list[Any]] = {system: [] for system in System}
    for system, port, calls in CALLS:
        outside[system] += calls(router.port(port, system), executors[system])
    orders = Worker(
        client,
        task_queue=ORDERS_QUEUE,
        workflows=WORKFLOWS,
        activities=[
            *RecordActivities(database).all(),
            *ProcurementRecords(database).all(),
            *(activity for system in System for activity in outside[system]),
        ],
        workflow_runner=sandbox() if config.workflow_sandbox else UnsandboxedWorkflowRunner(),
        interceptors=[Expecting(confirmer)],
        graceful_shutdown_timeout=GRACE,
    )
    # A feed never is an express attempt, so it takes part in the system's own queue only.
    outside[System.ERP].append(bulk.feed)
    outside[System.PLANNING].append(feed.feed)
    systems = [queue_worker(client, system, outside[system], config.limits.get(system)) for system in System]
    own = own_work(client, config, database, wake, router, master)
    own[RECONCILE_QUEUE].append(audit.audit)
    own[NOTIFY_QUEUE] = NotifyActivities(channels, database, wake).all()
    return [orders, *systems, *(queue_worker(client, queue, known, None) for queue, known in own.items())]


def own_work(
    client: Client,
    config: Settings,
    database: Database,
    wake: Wake,
    router: CallRouter,
    master: MasterData,
) -> dict[str, list[Any]]:
    """What is done for no order's sake, by queue: promises kept, books compared, plans governed."""
    ports = {system: router.port(StockPort, system) for system in System}
    notifier = PlanningNotifier(database, router.port(ReplanPort, System.PLANNING))
    reconciling = ReconcileActivities(ports, database, config.stock_owner)
    return {
        PROMISING_QUEUE: [PromisingActivities(database, wake, reschedule_command).keep],
        RECONCILE_QUEUE: [
            reconciling.compare,
            InboxActivities(client, database).inbox,
            WatchActivities(client, database).workflows,
            FreightActivities(database).freight,
            UndeliveredActivities(database).notices,
            BooksActivities(database).books,
            OutageActivities(database).outages,
            GovernorActivities(database, notifier, master, config.governor).govern,
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
    """Run until SIGINT or SIGTERM. Raises `UnusableSettings`, `Unsealed` or `Unusable` at once, which name the setting
    that is missing."""
    logging.configure(config.log_level, config.log_format)
    connect_options(config.main_temporal)
    seals = Seals.of(config)
    anchors = Anchors.of(config, seals)
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(Database(config.main_database.url, config.main_database.pool, seals))
        heard = (inbox.CHANNEL, planning.CHANNEL, notices.CHANNEL, erp_feed.CHANNEL, supply.CHANNEL)
        wake = await stack.enter_async_context(Wake(config.main_database.url, heard))
        partners = PartnerRegistry(database, SecretReader(config))
        await stack.enter_async_context(partners.running())
        known = LocatedConnections(partners.locate, EnvironmentConnections.of_settings(config))
        router = await stack.enter_async_context(CallRouter(known, ADAPTERS))
        channels = await stack.enter_async_context(messengers(config.notify))
        client = await connect(config.main_temporal)
        audit = AuditActivities(database, seals, anchors)
        handoff = TemporalHandoff(client, database)
        confirmer = Confirmer(database, handoff.kept)
        guard = OnceGuard(database, await stack.enter_async_context(CallLocks(config.main_database.url)))
        offers = partial(partners.offers_master_data, config=config)
        master = MasterData(router.port(MasterDataPort, System.ERP), database, config, offers)
        for worker in build_workers(client, config, database, wake, router, guard, channels, audit, confirmer, master):
            await stack.enter_async_context(worker)
        intake = Intake(database, config.stock_owner, master)
        relay = asyncio.create_task(Relay(database, handoff, wake, intake).run())
        confirming = asyncio.create_task(confirmer.run())
        singletons = asyncio.create_task(supervise(client, database, config))
        health = Health(database, handoff.healthy)
        port = int(os.environ.get(WORKER_HEALTH_PORT, "0"))
        await stack.enter_async_context(serve_health(port, health))
        gc.freeze()  # what lives as long as the process is left out of every collection
        structlog.get_logger("worker").info("worker.ready")
        stopped = asyncio.create_task(stop.wait())
        working = [relay, confirming, singletons]
        ended, _ = await asyncio.wait([*working, stopped], return_when=asyncio.FIRST_COMPLETED)
        for task in working:
            task.cancel()
        for one in ended:
            one.result()  # what failed ends the process as it failed: it is started anew, and people see why


if __name__ == "__main__":
    uvloop.run(main(settings()))
