"""What is said of a message that came after the end, by how it ended; and of commands, what is possible instead."""

from domain.orders.commands import after_end
from schemas.orders.release import OrderStatus
from schemas.workflow_ids import WorkflowId, WorkflowKind
from schemas.workflows.returns import ReturnState
from store.messaging.signals import WorkflowStanding

AFTER_CASE = "the case is closed ({state}): should its cause come back, it is opened again"
AFTER_PURCHASE = "the purchase order is closed ({state}): nothing more is expected of anybody"
AFTER_RETURN = "the return is closed ({state}): ask for another one under another id"

ABOUT = {WorkflowKind.ORDER: "order", WorkflowKind.PURCHASE_ORDER: "purchase order", WorkflowKind.RETURN: "return"}
"""How people call what hears events, by the kind of its workflow."""


def too_late(workflow: str, standing: WorkflowStanding) -> str:
    """Why an event changes nothing any more."""
    return f"the {ABOUT[WorkflowId.parse(workflow).kind]} has ended ({standing.state})"


def refusal(workflow: str, standing: WorkflowStanding) -> str:
    """Why a command is refused, and what is possible instead."""
    match WorkflowId.parse(workflow).kind:
        case WorkflowKind.CASE:
            return AFTER_CASE.format(state=standing.state)
        case WorkflowKind.PURCHASE_ORDER:
            return AFTER_PURCHASE.format(state=standing.state)
        case WorkflowKind.RETURN:
            return AFTER_RETURN.format(state=ReturnState(standing.state))
    return after_end(OrderStatus(standing.state), with_customer=standing.with_customer)
