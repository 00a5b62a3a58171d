"""Starts of workflows: the same id as before, with summaries and search attributes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from temporalio.client import Client
from temporalio.common import Priority, SearchAttributeKey, WorkflowIDConflictPolicy, WorkflowIDReusePolicy

from dispatch.temporal import summaries
from dispatch.temporal.indexing import indexed
from domain.cases.case_file import CaseFile
from domain.days import end_of
from domain.orders.deadlines import next_alarm
from domain.orders.order_run import OrderRun
from domain.orders.state import OrderState
from domain.procurement.purchase_run import InboundRun
from domain.returns.return_run import ReturnRun
from schemas.base import Contract
from schemas.ids import erp_of
from schemas.orders.milestones import MilestoneKind
from schemas.orders.release import OrderStatus
from schemas.procurement.replenishment import ReplenishmentRun
from schemas.queues import ORDERS_QUEUE
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
from workflows.runtime.timeouts_and_retries import TASK_TIMEOUT

FIRST_MILESTONE = MilestoneKind.SHIPPED
"""The awaited milestone that support sees until the workflow reports another."""


@dataclass(frozen=True)
class Beginning:
    """The start of a workflow: type, id and argument, and its summary."""

    workflow: str
    id: str
    run: Contract
    summary: str
    details: str = ""
    attributes: Mapping[SearchAttributeKey[Any], Any] = field(default_factory=dict)
    priority: Priority = Priority.default


def order(run: OrderRun) -> Beginning:
    """An order's workflow."""
    start, state = run.start, run.state or OrderState(start=run.start)
    alarm = next_alarm(state)
    return Beginning(
        "Order",
        start.workflow_id,
        run,
        summaries.of_order(start),
        f"ERP **{start.erp}**, {start.variant}, region {start.region}, priority {start.priority}",
        {
            ORDER_STATUS: state.status if run.state else OrderStatus.PROMISED,
            ERP_SYSTEM: start.erp,
            SITE: start.site,
            REGION: start.region,
            PRIORITY: str(start.priority),
            NEXT_MILESTONE: FIRST_MILESTONE.value,
            CARRIER: state.carrier or start.carrier,
            PROMISED_AT: end_of(state.promised_on, start.there),
            NEXT_DUE: alarm.due if alarm else None,
        },
        Priority(priority_key=start.priority, fairness_key=start.erp),
    )


def returning(run: ReturnRun) -> Beginning:
    """A return's workflow."""
    return Beginning(
        "Return",
        run.workflow_id,
        run,
        summaries.of_return(run),
        f"Asked for by **{run.by}**: {run.reason}",
        {ERP_SYSTEM: erp_of(run.order), SITE: run.site, REGION: run.region},
    )


def inbound(run: InboundRun) -> Beginning:
    """A purchase order's workflow."""
    return Beginning(
        "Inbound",
        run.workflow_id,
        run,
        f"Purchase order {run.number} · {run.supplier} · to {run.site}",
        f"ERP **{run.erp}**, region {run.region}, {run.policy.match} match",
        {ERP_SYSTEM: run.erp, SITE: run.site, REGION: run.region},
        priority=Priority(priority_key=run.priority, fairness_key=run.erp),
    )


def case(file: CaseFile) -> Beginning:
    """A case's workflow."""
    return Beginning(
        "ExceptionCase",
        file.workflow_id,
        file,
        f"{file.kind} on order {file.order}",
        "; ".join(finding.summary for finding in file.findings),
        priority=Priority(priority_key=file.priority),
    )


def replenishment(run: ReplenishmentRun) -> Beginning:
    """A replenishment's workflow."""
    it = run.proposal
    return Beginning(
        "Replenishment",
        run.workflow_id,
        run,
        f"{it.kind} of {it.quantity} {it.unit} {it.item}",
        f"For {it.site} by {it.wanted_on}, proposed by **{run.by}**",
        {ERP_SYSTEM: it.erp, SITE: it.site, REGION: it.region},
        priority=Priority(fairness_key=it.erp),
    )


async def begin(client: Client, it: Beginning, within: timedelta) -> str:
    """Start it, unless it runs; the id of the run. Raises WorkflowAlreadyStartedError, RPCError."""
    handle = await client.start_workflow(
        it.workflow,
        it.run,
        id=it.id,
        task_queue=ORDERS_QUEUE,
        id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
        id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
        task_timeout=TASK_TIMEOUT,
        search_attributes=indexed(it.attributes),
        static_summary=it.summary,
        static_details=it.details or None,
        priority=it.priority,
        rpc_timeout=within,
    )
    return handle.result_run_id or ""
