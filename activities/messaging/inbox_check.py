"""No message may vanish: what the inbox holds is compared with what the workflows have taken in.

Events, commands and documents alike: those of orders, purchase orders, returns, cases and proposals of planning.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from temporalio import activity
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from activities.finance.reconciliation import written
from activities.messaging.signal_history import NOTHING, SignalPayloads, heard
from domain.finance.reconciliation import Patience
from schemas.finance.reconciliation import About, Comparison, Difference, DifferenceClass, ReconcileReport, ReconcileRun
from schemas.ids import is_purchase
from schemas.orders.milestones import RETURN_KINDS
from schemas.workflow_ids import WorkflowId, workflow_of
from store.engine import Database
from store.finance import reconciliation as books
from store.messaging import stuck

UNDECODABLE, GONE, STUCK, UNANSWERED = "undecodable signal", "workflow gone", "stuck relay", "not answered"
POISONED, FAILING = "workflow task fails", "activity fails"
DONE_ABOUT = {
    UNDECODABLE: "it is quarantined: mend the sender or the worker, then replay it",
    GONE: "its workflow does not run: it is settled if the order is closed, and waits for a new run while it is open",
    STUCK: "the relay was woken: see whether a worker runs and reaches the database and Temporal",
    UNANSWERED: "it is sent again by the relay: see what holds up its workflow",
    POISONED: "mend the worker, or what started the workflow; it goes on by itself, the message stays till then",
    FAILING: "see the activity's last failure in the Temporal UI; it is tried again for ever",
}
AT_ONCE = frozenset({POISONED, FAILING})
"""States that do not pass by themselves: people are told at the first look."""
FAILED_TASKS, FAILED_ATTEMPTS = 2, 4
"""Tries of a workflow task, or of an activity, that are no accident."""
PATIENCE_FACTOR = 4
"""Multiple of the usual patience for messages that wait behind others."""


@dataclass(frozen=True)
class InboxActivities:
    """Finds messages that are not final after `after_s` seconds, says why, and does what can be done."""

    client: Client
    database: Database
    after_s: float = 30.0
    limit: int = 500

    @activity.defn(name="reconciliation.inbox")
    async def inbox(self, run: ReconcileRun) -> ReconcileReport:
        """Look once. What was quarantined or settled is final then; the rest is a difference until it is."""
        info, now = activity.info(), datetime.now(UTC)
        id = f"{info.workflow_id}/{info.workflow_run_id}"
        async with self.database.connection() as connection:
            await books.begun(connection, run, id, now)
            pending = await stuck.unanswered(connection, self.after_s, self.limit)
            waiting = await stuck.unplaced(connection, self.after_s, self.limit)
        looked: dict[str, WorkflowLook] = {}
        found = [await self._waiting(row, looked) for row in waiting]
        for row in pending:
            found.append(await self._pending(row, looked))
        comparison = Comparison(compared=len(pending) + len(waiting), differences=tuple(found))
        async with self.database.transaction() as connection:
            if waiting:
                await stuck.wake_relay(connection)
            patience = Patience(settle_s=0.0, stuck_s=PATIENCE_FACTOR * self.after_s)
            report = await written(connection, run, comparison, patience, now)
            await books.ended(connection, id, report.compared, report.differences, report.explained)
        return report

    async def _waiting(self, row: dict[str, Any], looked: "dict[str, WorkflowLook]") -> Difference:
        """A message that no workflow was told of, or that was not answered for: a release, a command, a document."""
        activity.heartbeat(row["id"])
        reason, workflow = UNANSWERED if row["tried"] else STUCK, row["partner"]
        if row["workflow_id"] and row["tried"]:
            workflow = row["workflow_id"]
            it = await self._once(workflow, looked)
            reason = it.why_message(row["id"])
        if reason == UNDECODABLE:
            async with self.database.transaction() as connection:
                if not await stuck.quarantine_message(connection, row["id"], f"{reason}: {workflow}"):
                    reason = UNANSWERED
        return _difference(f"message {row['id']}", reason, workflow)

    async def _pending(self, row: dict[str, Any], looked: "dict[str, WorkflowLook]") -> Difference:
        """An event that was placed and that its workflow has not answered for. Each workflow is looked at once."""
        activity.heartbeat(row["event_id"])
        key = row["order_key"]
        rma = row["body"].get("rma") if row["kind"] in RETURN_KINDS and not is_purchase(key) else None
        workflow = str(WorkflowId.of_return(key, rma)) if rma else workflow_of(key)
        reason = (await self._once(workflow, looked)).why(row["event_id"], is_return=bool(rma))
        if reason in (UNDECODABLE, GONE):
            async with self.database.transaction() as connection:
                event, why = row["event_id"], f"{reason}: {workflow}"
                if reason == UNDECODABLE:
                    await stuck.put_aside(connection, key, event, why)
                else:
                    await stuck.supersede(connection, key, event, why, workflow)
        return _difference(f"event {row['event_id']} of {row['order_key']}", reason, workflow)

    async def _once(self, workflow: str, looked: "dict[str, WorkflowLook]") -> "WorkflowLook":
        if workflow not in looked:
            looked[workflow] = await self._look(workflow)
        return looked[workflow]

    async def _look(self, workflow: str) -> "WorkflowLook":
        """The state of a workflow, and the signals in its history that cannot be decoded."""
        handle = self.client.get_workflow_handle(workflow)
        try:
            described = await handle.describe()
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return WorkflowLook(known=False)
            raise
        if described.status is not WorkflowExecutionStatus.RUNNING:
            return WorkflowLook(running=False)
        said = described.raw_description
        trouble = ""
        if said.pending_workflow_task.attempt >= FAILED_TASKS:
            trouble = POISONED
        elif any(it.attempt >= FAILED_ATTEMPTS for it in said.pending_activities if it.HasField("last_failure")):
            trouble = FAILING
        return WorkflowLook(trouble=trouble, heard=await heard(self.client, handle))


@dataclass(frozen=True)
class WorkflowLook:
    """The observed state of a workflow. `trouble`: the reason why it makes no progress, if visible."""

    known: bool = True
    running: bool = True
    trouble: str = ""
    heard: SignalPayloads = NOTHING

    def why(self, event_id: str, *, is_return: bool) -> str:
        """The reason why a workflow has not answered for an event."""
        if not self.known:  # a return may be announced after its goods: the relay gives it a day
            return UNANSWERED if is_return else GONE
        if not self.running:
            return GONE
        return UNDECODABLE if self.heard.lost_event(event_id) else self.trouble or UNANSWERED

    def why_message(self, id: int) -> str:
        """The reason why it has not answered for a message. One unknown to Temporal may not have begun."""
        if not self.running:
            return GONE
        return UNDECODABLE if self.heard.lost_message(id) else self.trouble or UNANSWERED


def _difference(subject: str, reason: str, where: str) -> Difference:
    at_once = reason in AT_ONCE
    return Difference(
        about=About.MESSAGE,
        subject=subject,
        kind=DifferenceClass.MISSING if at_once else DifferenceClass.TIMING,
        ours="accepted",
        theirs=reason,
        explained_by="" if at_once else reason,
        owner="syncline",
        proposal=f"{where}: {DONE_ABOUT[reason]}",
    )
