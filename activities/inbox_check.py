"""No message may vanish: what the inbox holds is compared with what the workflows have taken in.

The SDK drops a signal that it cannot decode, with a line in a log: the message behind it would be sent again for ever.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from temporalio import activity
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from activities.reconciling import written
from domain.reconciling import Patience
from schemas.milestones import RETURN_KINDS, MilestoneEvent
from schemas.reconciling import About, Comparison, Difference, DifferenceClass, ReconcileReport, ReconcileRun
from store import reconciling as books
from store import vanishing
from store.engine import Database

SIGNAL = "milestones"
UNDECODABLE, GONE, STUCK, UNANSWERED = "undecodable signal", "workflow gone", "stuck relay", "not answered"
POISONED, FAILING = "workflow task fails", "activity fails"
DONE_ABOUT = {
    UNDECODABLE: "it is quarantined: mend the sender or the worker, then replay it",
    GONE: "it is settled as superseded: its workflow has ended or never began",
    STUCK: "the relay was woken: see whether a worker runs and reaches the database and Temporal",
    UNANSWERED: "it is sent again by the relay: see what holds up its workflow",
    POISONED: "mend the worker, or what started the workflow; it goes on by itself, the message stays till then",
    FAILING: "see the activity's last failure in the Temporal UI; it is tried again for ever",
}
AT_ONCE = frozenset({POISONED, FAILING})
"""What does not pass by itself: people are told at the first look."""
FAILED_TASKS, FAILED_ATTEMPTS = 2, 4
"""So many tries of a workflow task, or of an activity, are no accident."""
PATIENCE_FACTOR = 4


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
            pending = await vanishing.unanswered(connection, self.after_s, self.limit)
            waiting = await vanishing.unplaced(connection, self.after_s, self.limit)
        found = [await self._waiting(row) for row in waiting]
        looked: dict[str, Looked] = {}
        for row in pending:
            found.append(await self._pending(row, looked))
        comparison = Comparison(compared=len(pending) + len(waiting), differences=tuple(found))
        async with self.database.transaction() as connection:
            if waiting:
                await vanishing.wake_relay(connection)
            patience = Patience(settle_s=0.0, stuck_s=PATIENCE_FACTOR * self.after_s)
            report = await written(connection, run, comparison, patience, now)
            await books.ended(connection, id, report.compared, report.differences, report.explained)
        return report

    async def _waiting(self, row: dict[str, Any]) -> Difference:
        """A message that no workflow was told of, or that was not answered for: a release, a command, a document."""
        activity.heartbeat(row["id"])
        reason, workflow = UNANSWERED if row["attempts"] else STUCK, row["partner"]
        if row["order_key"] and row["attempts"]:
            workflow = f"order/{row['order_key']}"
            reason = (await self._look(workflow)).trouble or reason
        return _difference(f"message {row['id']}", reason, workflow)

    async def _pending(self, row: dict[str, Any], looked: "dict[str, Looked]") -> Difference:
        """An event that was placed and that its workflow has not answered for. Each workflow is looked at once."""
        activity.heartbeat(row["event_id"])
        rma = row["body"].get("rma") if row["kind"] in RETURN_KINDS else None
        workflow = f"return/{row['order_key']}/{rma}" if rma else f"order/{row['order_key']}"
        if workflow not in looked:
            looked[workflow] = await self._look(workflow)
        reason = looked[workflow].why(row["event_id"], is_return=bool(rma))
        if reason in (UNDECODABLE, GONE):
            async with self.database.transaction() as connection:
                finish = vanishing.quarantine if reason == UNDECODABLE else vanishing.supersede
                await finish(connection, row["order_key"], row["event_id"], f"{reason}: {workflow}")
        return _difference(f"event {row['event_id']} of {row['order_key']}", reason, workflow)

    async def _look(self, workflow: str) -> "Looked":
        """How a workflow is, and the signals in its history that cannot be decoded."""
        handle = self.client.get_workflow_handle(workflow)
        try:
            described = await handle.describe()
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return Looked(known=False)
            raise
        if described.status is not WorkflowExecutionStatus.RUNNING:
            return Looked(running=False)
        said = described.raw_description
        trouble = ""
        if said.pending_workflow_task.attempt >= FAILED_TASKS:
            trouble = POISONED
        elif any(it.attempt >= FAILED_ATTEMPTS for it in said.pending_activities if it.HasField("last_failure")):
            trouble = FAILING
        good, bad = await self._signals(handle)
        return Looked(trouble=trouble, decoded=good, undecoded=bad)

    async def _signals(self, handle: Any) -> tuple[bytes, bytes]:
        """All that signals brought that can be decoded, and all that cannot."""
        good: list[bytes] = []
        bad: list[bytes] = []
        async for event in handle.fetch_history_events():
            if event.event_type != EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED:
                continue
            signal = event.workflow_execution_signaled_event_attributes
            if signal.signal_name == SIGNAL:
                payloads = signal.input.payloads
                (good if await self._decodes(payloads) else bad).extend(payload.data for payload in payloads)
        return b"\n".join(good), b"\n".join(bad)

    async def _decodes(self, payloads: Iterable[Any]) -> bool:
        try:
            await self.client.data_converter.decode(list(payloads), [list[MilestoneEvent]])
        except Exception:
            return False
        return True


@dataclass(frozen=True)
class Looked:
    """What was seen of a workflow. `trouble`: why it makes no progress, if that is seen."""

    known: bool = True
    running: bool = True
    trouble: str = ""
    decoded: bytes = b""
    undecoded: bytes = b""

    def why(self, event_id: str, *, is_return: bool) -> str:
        """Why it has not answered for an event."""
        if not self.known:  # a return may be announced after its goods: the relay gives it a day
            return UNANSWERED if is_return else GONE
        if not self.running:
            return GONE
        if event_id.encode() in self.undecoded and json.dumps(event_id).encode() not in self.decoded:
            return UNDECODABLE
        return self.trouble or UNANSWERED


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
