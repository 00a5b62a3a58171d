"""Hands accepted messages to order workflows: start with the release, cancel, milestones. The only Temporal caller."""

from contextlib import suppress
from datetime import UTC, datetime, time, timedelta

from temporalio.client import (
    Client,
    WithStartWorkflowOperation,
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
from temporalio.exceptions import ApplicationError, WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from domain.opening import opening
from domain.state import OrderRun
from gateway.admission import digest_of
from gateway.ports import CancelRefused
from gateway.requests import CancelCommand
from schemas.feeds import FeedRun
from schemas.lifecycle import OrderOutcome, OrderStart
from schemas.milestones import MilestoneEvent
from schemas.orders import CancelAnswer, CancelRequest, OrderStatus, Promise
from store import inbox, orders
from store.engine import Database
from workflows.policies import TASK_TIMEOUT

ORDERS_QUEUE = "orders"
SIGNAL_TIMEOUT = timedelta(seconds=5)
HEALTH_TIMEOUT = timedelta(seconds=1)


class OrderGone(Exception):
    """The order's workflow has ended, or was never started."""


class TemporalHandoff:
    """Starts and addresses order workflows. `None` answers mean: Temporal is away, the relay will do it later."""

    def __init__(self, client: Client, database: Database) -> None:
        self._client = client
        self._database = database
        self._fed: set[str] = set()

    async def release(self, key: str, timeout_s: float) -> Promise | None:
        """Start the order's workflow and wait for its promise; a repeat finds the one that runs, or its record."""
        async with self._database.connection() as connection:
            start = opening(await orders.accepted(connection, key))
        try:
            answer: Promise = await self._client.execute_update_with_start_workflow(
                "release",
                start.digest,
                id=start.digest,
                result_type=Promise,
                start_workflow_operation=_start_operation(start),
                rpc_timeout=timedelta(seconds=timeout_s),
            )
        except WorkflowAlreadyStartedError:
            return start.promise
        except (RPCError, WorkflowUpdateFailedError, WorkflowUpdateRPCTimeoutOrCancelledError):
            return None
        await self.ensure_feed(start.region)
        return answer

    async def ensure_feed(self, region: str) -> None:
        """Start the region's planning feed, once per process."""
        if region in self._fed:
            return
        run = FeedRun(region=region)
        with suppress(RPCError, WorkflowAlreadyStartedError):
            await self._client.start_workflow(
                "PlanningFeed",
                run,
                id=run.workflow_id,
                task_queue=ORDERS_QUEUE,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                static_summary=f"Planning feed of {region}",
            )
            self._fed.add(region)

    async def cancel(self, key: str, request: CancelRequest, timeout_s: float) -> CancelAnswer | None:
        """Cancel an order; None also while it is still to be started. Raises CancelRefused when it is too late."""
        async with self._database.connection() as connection:
            command = CancelCommand(key=key, request=request).model_dump_json().encode()
            message = await inbox.cancellation(connection, request, digest_of(command))
            status = await orders.status_of(connection, key)
        handle = self._client.get_workflow_handle(f"order/{key}")
        try:
            answer: CancelAnswer = await handle.execute_update(
                "cancel",
                message,
                id=f"cancel/{request.id}",
                result_type=CancelAnswer,
                rpc_timeout=timedelta(seconds=timeout_s),
            )
        except WorkflowUpdateFailedError as error:
            reason = error.cause.message if isinstance(error.cause, ApplicationError) else "the order refused"
            raise CancelRefused(reason) from None
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND and status is not OrderStatus.RELEASED:
                raise CancelRefused("the order has ended") from None
            return None
        except WorkflowUpdateRPCTimeoutOrCancelledError:
            return None
        return answer

    async def milestones(self, key: str, events: list[MilestoneEvent]) -> bool:
        """One signal with all events for an order. False: Temporal is away. Raises OrderGone."""
        try:
            handle = self._client.get_workflow_handle(f"order/{key}")
            await handle.signal("milestones", events, rpc_timeout=SIGNAL_TIMEOUT)
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                raise OrderGone(key) from None
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
        **({"Carrier": start.carrier} if start.carrier else {}),
    }
    promised = datetime.combine(start.promise.promised_on, time.max, UTC)
    pairs = [SearchAttributePair(SearchAttributeKey.for_keyword(name), value) for name, value in keywords.items()]
    return TypedSearchAttributes([*pairs, SearchAttributePair(SearchAttributeKey.for_datetime("PromisedAt"), promised)])
