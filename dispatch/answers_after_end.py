"""Answers to messages after the end, by the way it ended; and to commands, the alternative."""

from domain.orders.commands import after_end
from schemas.orders.release import OrderStatus
from schemas.workflow_ids import WorkflowId, WorkflowKind
from schemas.workflows.returns import ReturnState
from store.messaging.signals import WorkflowStanding

AFTER_CASE = "the case is closed ({state}): should its cause come back, it is opened again"
AFTER_PURCHASE = "the purchase order is closed ({state}): nothing more is expected of anybody"
AFTER_RETURN = "the return is closed ({state}): ask for another one under another id"

ABOUT = {WorkflowKind.ORDER: "order", WorkflowKind.PURCHASE_ORDER: "purchase order", WorkflowKind.RETURN: "return"}
"""Names for people, by the kind of workflow that receives events."""


def too_late(workflow: str, standing: WorkflowStanding) -> str:
    """The reason why an event changes nothing any more."""
    return f"the {ABOUT[WorkflowId.parse(workflow).kind]} has ended ({standing.state})"


def refusal(workflow: str, standing: WorkflowStanding) -> str:
    """The reason why a command is refused, and the alternative."""
    match WorkflowId.parse(workflow).kind:
        case WorkflowKind.CASE:
            return AFTER_CASE.format(state=standing.state)
        case WorkflowKind.PURCHASE_ORDER:
            return AFTER_PURCHASE.format(state=standing.state)
        case WorkflowKind.RETURN:
            return AFTER_RETURN.format(state=ReturnState(standing.state))
    return after_end(OrderStatus(standing.state), with_customer=standing.with_customer)
