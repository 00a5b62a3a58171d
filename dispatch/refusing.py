"""Commands that the confirmed state of an order, purchase order or case refuses: at once, without an event in a
history."""

from typing import Any

from dispatch.requests import CommandRecord
from domain.cases import escalation
from domain.cases.case_file import CaseFile
from domain.cases.escalation import CaseVerb
from domain.orders import commands
from domain.orders.order_run import OrderRun
from domain.procurement import purchase_actions
from domain.procurement.purchase_run import InboundRun
from schemas.workflow_ids import WorkflowId, WorkflowKind
from schemas.workflows.commands import Command, Verb
from store.engine import Database
from store.messaging import verdicts

MOST_BYTES = 256 * 1024
"""A larger state takes longer to read than a signal costs: about 5 ms of a process that serves others meanwhile."""


async def refusal(database: Database, record: CommandRecord[Any], command: Command[Any]) -> str | None:
    """The reason for refusing a committed command, as its workflow would say; None when only the workflow can say."""
    if record.is_return:
        return None
    async with database.connection() as connection:
        kept = await verdicts.settled_state(connection, record.workflow_id, command.inbox_id, MOST_BYTES)
    return refused_by(record, command, kept) if kept else None


def refused_by(record: CommandRecord[Any], command: Command[Any], kept: str) -> str | None:
    """The reason why a workflow with this snapshot refuses a command."""
    kind = WorkflowId.parse(record.workflow_id).kind
    if kind is WorkflowKind.CASE:
        return escalation.refusal(CaseFile.model_validate_json(kept), CaseVerb(record.verb), command)
    if kind is WorkflowKind.PURCHASE_ORDER:
        run = InboundRun.model_validate_json(kept)
        return purchase_actions.refusal(run.state, command.request, len(run.refused)) if run.state else None
    state = OrderRun.model_validate_json(kept).state
    return commands.refusal(state, Verb(record.verb), command) if state else None
