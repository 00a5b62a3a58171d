"""What is said of a message that came after the end, by how it ended; and of commands, what is possible instead."""

from domain.orders.commands import after_end
from schemas.orders.release import OrderStatus
from schemas.workflows.returns import ReturnState
from store.messaging.signals import WorkflowStanding

AFTER_CASE = "the case is closed ({state}): should its cause come back, it is opened again"
AFTER_PURCHASE = "the purchase order is closed ({state}): nothing more is expected of anybody"
AFTER_RETURN = "the return is closed ({state}): ask for another one under another id"


def too_late(workflow: str, standing: WorkflowStanding) -> str:
    """Why an event changes nothing any more."""
    if workflow.startswith("return/"):
        return f"the return has ended ({standing.state})"
    about = "purchase order" if workflow.startswith("inbound/") else "order"
    return f"the {about} has ended ({standing.state})"


def refusal(workflow: str, standing: WorkflowStanding) -> str:
    """Why a command is refused, and what is possible instead."""
    kind = workflow.partition("/")[0]
    if kind == "case":
        return AFTER_CASE.format(state=standing.state)
    if kind == "inbound":
        return AFTER_PURCHASE.format(state=standing.state)
    if kind == "return":
        return AFTER_RETURN.format(state=ReturnState(standing.state))
    return after_end(OrderStatus(standing.state), with_customer=standing.with_customer)
