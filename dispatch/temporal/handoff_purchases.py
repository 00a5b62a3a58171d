"""Hands documents to the workflows of purchase orders, and proposals to those of replenishments."""

from datetime import timedelta

from temporalio.client import Client
from temporalio.common import Priority, WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError

from dispatch.ports import SignalOutcome
from dispatch.procurement.documents import PlacedDocument
from dispatch.procurement.purchases import WorkflowEnded
from dispatch.temporal.calls import signalled
from dispatch.temporal.indexing import indexed
from schemas.procurement.purchase_orders import InboundStart
from schemas.procurement.replenishment import ReplenishmentStart
from schemas.queues import ORDERS_QUEUE
from workflows.runtime.search_attributes import ERP_SYSTEM, REGION, SITE
from workflows.runtime.timeouts_and_retries import TASK_TIMEOUT


class PurchaseHandoff:
    """See `dispatch.procurement.purchases.Purchases`."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def tell(self, start: InboundStart, placed: PlacedDocument, timeout_s: float, *, again: bool = False) -> bool:
        """Signal with start. Raises WorkflowEnded, and SignalRefused."""
        ended = WorkflowIDReusePolicy.ALLOW_DUPLICATE if again else WorkflowIDReusePolicy.REJECT_DUPLICATE
        try:
            await self._client.start_workflow(
                "Inbound",
                start,
                id=start.workflow_id,
                task_queue=ORDERS_QUEUE,
                start_signal="documents",
                start_signal_args=[[placed.document]],
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                id_reuse_policy=ended,
                task_timeout=TASK_TIMEOUT,
                search_attributes=indexed({ERP_SYSTEM: start.erp, SITE: start.site, REGION: start.region}),
                static_summary=f"Purchase order {start.number} · {start.supplier} · to {start.site}",
                static_details=f"ERP **{start.erp}**, region {start.region}, {start.policy.match} match",
                priority=Priority(priority_key=start.priority, fairness_key=start.erp),
                rpc_timeout=timedelta(seconds=timeout_s),
            )
        except WorkflowAlreadyStartedError:
            raise WorkflowEnded(start.workflow_id) from None
        except RPCError as error:
            return signalled(error, start.workflow_id) is SignalOutcome.YES
        return True

    async def propose(self, start: ReplenishmentStart, timeout_s: float) -> bool:
        """Start. Raises WorkflowEnded when it was decided before."""
        proposal = start.proposal
        try:
            await self._client.start_workflow(
                "Replenishment",
                start,
                id=start.workflow_id,
                task_queue=ORDERS_QUEUE,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                task_timeout=TASK_TIMEOUT,
                search_attributes=indexed({ERP_SYSTEM: proposal.erp, SITE: proposal.site, REGION: proposal.region}),
                static_summary=f"{proposal.kind} of {proposal.quantity} {proposal.unit} {proposal.item}",
                static_details=f"For {proposal.site} by {proposal.wanted_on}, proposed by **{start.by}**",
                priority=Priority(fairness_key=proposal.erp),
                rpc_timeout=timedelta(seconds=timeout_s),
            )
        except WorkflowAlreadyStartedError:
            raise WorkflowEnded(start.workflow_id) from None
        except RPCError as error:
            return signalled(error, start.workflow_id) is SignalOutcome.YES
        return True
