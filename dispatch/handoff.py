"""Hands accepted messages to workflows: releases and milestones, and commands through
`dispatch.temporal.handoff_commands`."""

from datetime import timedelta
from typing import Any

import structlog
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowQueryFailedError
from temporalio.common import (
    Priority,
    SearchAttributeKey,
    TypedSearchAttributes,
    WorkflowIDConflictPolicy,
    WorkflowIDReusePolicy,
)
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from dispatch.orders.opening import opened
from dispatch.ports import Rest, SignalOutcome, TaskKept
from dispatch.requests import CommandRecord
from dispatch.restarts.restarting import Restarter, RestartRequest
from dispatch.temporal import summaries
from dispatch.temporal.calls import refused, signalled
from dispatch.temporal.handoff_commands import CommandHandoff
from dispatch.temporal.handoff_purchases import PurchaseHandoff
from dispatch.temporal.history import HistoryReader
from dispatch.temporal.indexing import indexed
from domain.days import end_of
from domain.orders.deadlines import next_alarm
from domain.orders.order_run import OrderRun
from domain.orders.state import OrderState
from schemas.orders.milestones import MilestoneEvent, MilestoneKind
from schemas.orders.release import OrderStatus, Promise
from schemas.queues import ORDERS_QUEUE
from schemas.workflow_ids import workflow_of
from schemas.workflows.lifecycle import OrderStart, StatusAnswer
from store.engine import Database
from store.messaging import inbox, signals
from store.messaging.heads import Provisional
from store.messaging.verdicts import First
from workflows.runtime.search_attributes import (
    CARRIER,
    ERP_SYSTEM,
    NEXT_DUE,
    NEXT_MILESTONE,
    ORDER_STATUS,
    PRIORITY,
    PROMISED_AT,
    REGION,
    SITE,
)
from workflows.runtime.timeouts_and_retries import HEALTH_TIMEOUT, SIGNAL_TIMEOUT, TASK_TIMEOUT

FIRST_MILESTONE = MilestoneKind.SHIPPED
"""The awaited milestone that support sees until the workflow reports another."""

_log = structlog.get_logger("handoff")


class TemporalHandoff:
    """Starts and addresses order workflows. `None` answers mean: Temporal is away, the relay will do it later."""

    def __init__(self, client: Client, database: Database) -> None:
        self._client = client
        self._database = database
        self._commands = CommandHandoff(client, database)
        self._history = HistoryReader(client)
        self.purchases = PurchaseHandoff(client)

    async def release(self, key: str, timeout_s: float) -> Promise | None:
        """Start the order's workflow; the promise was reserved before. A repeat finds the one that runs, or ran."""
        start = await opened(self._database, key)
        try:
            await self._start(start, timedelta(seconds=timeout_s))
        except WorkflowAlreadyStartedError:
            _log.info("handoff.started_before", workflow=start.workflow_id)
        except RPCError as error:
            refused(error, "start", start.workflow_id)
            return None
        async with self._database.connection() as connection:
            await inbox.mark_delivered(connection, start.inbox_id, start.workflow_id, signals.TAKEN_S)
        return start.promise

    async def _start(self, start: OrderStart, within: timedelta) -> None:
        await self._client.start_workflow(
            "Order",
            OrderRun(start=start),
            id=start.workflow_id,
            task_queue=ORDERS_QUEUE,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            task_timeout=TASK_TIMEOUT,
            search_attributes=_search_attributes(start),
            static_summary=summaries.of_order(start),
            static_details=f"ERP **{start.erp}**, {start.variant}, region {start.region}, priority {start.priority}",
            priority=Priority(priority_key=start.priority, fairness_key=start.erp),
            rpc_timeout=within,
        )

    async def command(self, record: CommandRecord[Any], first: First, timeout_s: float) -> bool:
        """See `dispatch.ports.Handoff`."""
        return await self._commands.tell(record, first, timeout_s)

    async def kept(self, step: Provisional) -> TaskKept:
        """See `dispatch.ports.Handoff`."""
        return await self._history.kept(step)

    async def restart(self, key: str, actor: str, reason: str) -> str | None:
        """See `dispatch.ports.Handoff`."""
        try:
            return await Restarter(self._client, self._database).subject(key, RestartRequest(actor, reason))
        except RPCError as error:
            refused(error, "restart", workflow_of(key))
            return None

    async def status(self, key: str, timeout_s: float) -> StatusAnswer | None:
        """The awaited step of the order; None when it has ended or no worker answers in time."""
        handle = self._client.get_workflow_handle(workflow_of(key))
        try:
            waiting: StatusAnswer = await handle.query(
                "status", result_type=StatusAnswer, rpc_timeout=timedelta(seconds=timeout_s)
            )
        except (RPCError, WorkflowQueryFailedError):
            return None
        return waiting

    async def milestones(self, workflow_id: str, events: list[MilestoneEvent]) -> SignalOutcome:
        """See `dispatch.ports.WorkflowSignals`."""
        try:
            handle = self._client.get_workflow_handle(workflow_id)
            await handle.signal("milestones", events, rpc_timeout=SIGNAL_TIMEOUT)
        except RPCError as error:
            return signalled(error, workflow_id)
        return SignalOutcome.YES

    async def at_rest(self, workflow_id: str) -> Rest:
        """See `dispatch.ports.WorkflowSignals`."""
        try:
            found = await self._client.get_workflow_handle(workflow_id).describe(rpc_timeout=SIGNAL_TIMEOUT)
        except RPCError as error:
            return Rest.GONE if error.status is RPCStatusCode.NOT_FOUND else Rest.AWAY
        if found.status is not WorkflowExecutionStatus.RUNNING:
            return Rest.GONE
        return Rest.BUSY if found.raw_description.HasField("pending_workflow_task") else Rest.IDLE

    async def healthy(self) -> bool:
        """Whether Temporal answers."""
        try:
            return await self._client.service_client.check_health(timeout=HEALTH_TIMEOUT)
        except RPCError:
            return False


def _search_attributes(start: OrderStart) -> TypedSearchAttributes:
    alarm = next_alarm(OrderState(start=start))
    attributes: dict[SearchAttributeKey[Any], Any] = {
        ORDER_STATUS: OrderStatus.PROMISED.value,
        ERP_SYSTEM: start.erp,
        SITE: start.site,
        REGION: start.region,
        PRIORITY: str(start.priority),
        NEXT_MILESTONE: FIRST_MILESTONE.value,
        CARRIER: start.carrier,
        PROMISED_AT: end_of(start.promise.promised_on, start.there),
        NEXT_DUE: alarm.due if alarm else None,
    }
    return indexed(attributes)
