"""Hands accepted messages to workflows: releases and milestones, and commands through `gateway.handoff_commands`."""

from datetime import UTC, datetime, time, timedelta
from typing import Any

from temporalio.client import (
    Client,
    WithStartWorkflowOperation,
    WorkflowQueryFailedError,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.common import (
    Priority,
    SearchAttributeKey,
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDConflictPolicy,
    WorkflowIDReusePolicy,
)
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from domain.deadlines import next_alarm
from domain.opening import opening
from domain.policies import order_policy
from domain.state import OrderRun, OrderState
from gateway.handoff_commands import ORDERS_QUEUE, CommandHandoff, hear_out
from gateway.handoff_purchases import PurchaseHandoff
from gateway.promising import first_promise
from gateway.requests import Answer, CommandRecord
from schemas.lifecycle import OrderOutcome, OrderStart, StatusAnswer
from schemas.milestones import MilestoneEvent, MilestoneKind
from schemas.orders import OrderStatus, Promise
from store import orders, policies
from store.engine import Database
from workflows.policies import TASK_TIMEOUT

FIRST_MILESTONE = MilestoneKind.SHIPPED
"""What support sees an order wait for until its workflow says better."""
SIGNAL_TIMEOUT = timedelta(seconds=5)
HEALTH_TIMEOUT = timedelta(seconds=1)


class WorkflowGone(Exception):
    """The workflow has ended, or was never started."""


class TemporalHandoff:
    """Starts and addresses order workflows. `None` answers mean: Temporal is away, the relay will do it later."""

    def __init__(self, client: Client, database: Database) -> None:
        self._client = client
        self._database = database
        self._commands = CommandHandoff(client, database)
        self.purchases = PurchaseHandoff(client)

    async def release(self, key: str, timeout_s: float) -> Promise | None:
        """Start the order's workflow and wait for its promise; a repeat finds the one that runs, or its record."""
        start = await self._opening(key)
        operation = _start_operation(start)
        try:
            answer: Promise = await self._client.execute_update_with_start_workflow(
                "release",
                start.digest,
                id=start.digest,
                result_type=Promise,
                start_workflow_operation=operation,
                rpc_timeout=timedelta(seconds=timeout_s),
            )
        except WorkflowAlreadyStartedError:
            await hear_out(operation)
            return start.promise
        except (RPCError, WorkflowUpdateFailedError, WorkflowUpdateRPCTimeoutOrCancelledError):
            await hear_out(operation)
            return None
        return answer

    async def _opening(self, key: str) -> OrderStart:
        """The order's start, promised. Its policy travels along only where it differs from the defaults."""
        async with self._database.connection() as connection:
            accepted = await orders.accepted(connection, key)
            rules = await policies.rules(connection, "order")
        start, release = opening(accepted), accepted.release
        policy = order_policy(
            rules, partner=start.erp, site=start.site, region=start.region, customer=release.ship_to.id
        )
        start = await first_promise(self._database, start, release, policy)
        differs = policy.model_fields_set - {"version"}
        return start.model_copy(update={"policy": policy}) if differs else start

    async def command(self, record: CommandRecord[Any], timeout_s: float) -> Answer | None:
        """Have a committed command carried out; see `gateway.ports.Handoff`. Raises CommandRefused."""
        return await self._commands.carry_out(record, timeout_s)

    async def status(self, key: str, timeout_s: float) -> StatusAnswer | None:
        """What the order waits for; None when it has ended or no worker answers in time."""
        handle = self._client.get_workflow_handle(f"order/{key}")
        try:
            waiting: StatusAnswer = await handle.query(
                "status", result_type=StatusAnswer, rpc_timeout=timedelta(seconds=timeout_s)
            )
        except (RPCError, WorkflowQueryFailedError):
            return None
        return waiting

    async def milestones(self, workflow_id: str, events: list[MilestoneEvent]) -> bool:
        """One signal with all events for an order or return. False: Temporal is away. Raises WorkflowGone."""
        try:
            handle = self._client.get_workflow_handle(workflow_id)
            await handle.signal("milestones", events, rpc_timeout=SIGNAL_TIMEOUT)
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                raise WorkflowGone(workflow_id) from None
            return False
        return True

    async def healthy(self) -> bool:
        """Whether Temporal answers."""
        try:
            return await self._client.service_client.check_health(timeout=HEALTH_TIMEOUT)
        except RPCError:
            return False


def _start_operation(start: OrderStart) -> WithStartWorkflowOperation[object, OrderOutcome]:
    return WithStartWorkflowOperation(
        "Order",
        OrderRun(start=start),
        id=start.workflow_id,
        task_queue=ORDERS_QUEUE,
        result_type=OrderOutcome,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
        task_timeout=TASK_TIMEOUT,
        search_attributes=_search_attributes(start),
        static_summary=f"{start.number} · {len(start.lines)} lines · {start.site} · by {start.promise.promised_on}",
        static_details=f"ERP **{start.erp}**, {start.variant}, region {start.region}, priority {start.priority}",
        priority=Priority(priority_key=start.priority, fairness_key=start.erp),
    )


def _search_attributes(start: OrderStart) -> TypedSearchAttributes:
    keywords = {
        "OrderStatus": OrderStatus.PROMISED.value,
        "ErpSystem": start.erp,
        "Site": start.site,
        "Region": start.region,
        "Priority": str(start.priority),
        "NextMilestone": FIRST_MILESTONE.value,
        **({"Carrier": start.carrier} if start.carrier else {}),
    }
    moments = {"PromisedAt": datetime.combine(start.promise.promised_on, time.max, UTC)}
    if alarm := next_alarm(OrderState(start=start)):
        moments["NextDue"] = alarm.due
    return TypedSearchAttributes(
        [SearchAttributePair(SearchAttributeKey.for_keyword(name), value) for name, value in keywords.items()]
        + [SearchAttributePair(SearchAttributeKey.for_datetime(name), at) for name, at in moments.items()]
    )
