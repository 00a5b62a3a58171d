"""No message may vanish: what the inbox holds is compared with what the workflows have taken in.

The SDK drops a signal that it cannot decode, with a line in a log: the message behind it would be sent again for ever.
"""

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
DONE_ABOUT = {
    UNDECODABLE: "it is quarantined: mend the sender or the worker, then replay it",
    GONE: "it is settled as superseded: its workflow has ended or never began",
    STUCK: "the relay was woken: see whether a worker runs and reaches the database and Temporal",
    UNANSWERED: "it is sent again by the relay: see what holds up its workflow",
}


@dataclass(frozen=True)
class InboxActivities:
    """Finds messages that are not final after `after_s` seconds, says why, and does what can be done."""

    client: Client
    database: Database
    after_s: float = 120.0
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
        found = [_difference(f"message {row['id']}", STUCK, row["partner"]) for row in waiting]
        for row in pending:
            activity.heartbeat(row["event_id"])
            reason = await self._reason(row)
            if reason in (UNDECODABLE, GONE):
                async with self.database.transaction() as connection:
                    finish = vanishing.quarantine if reason == UNDECODABLE else vanishing.supersede
                    await finish(connection, row["order_key"], row["event_id"], f"{reason}: {row['workflow']}")
            found.append(_difference(f"event {row['event_id']} of {row['order_key']}", reason, row["workflow"]))
        comparison = Comparison(compared=len(pending) + len(waiting), differences=tuple(found))
        async with self.database.transaction() as connection:
            if waiting:
                await vanishing.wake_relay(connection)
            report = await written(connection, run, comparison, Patience(settle_s=self.after_s), now)
            await books.ended(connection, id, report.compared, report.differences, report.explained)
        return report

    async def _reason(self, row: dict[str, Any]) -> str:
        """Why the workflow that an event is for has not answered for it."""
        rma = row["body"].get("rma") if row["kind"] in RETURN_KINDS else None
        row["workflow"] = f"return/{row['order_key']}/{rma}" if rma else f"order/{row['order_key']}"
        handle = self.client.get_workflow_handle(row["workflow"])
        try:
            described = await handle.describe()
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                # A return may be announced after its goods: the relay gives it a day.
                return UNANSWERED if rma else GONE
            raise
        if described.status is not WorkflowExecutionStatus.RUNNING:
            return GONE
        return UNDECODABLE if await self._dropped(handle, row["event_id"]) else UNANSWERED

    async def _dropped(self, handle: Any, event_id: str) -> bool:
        """Whether every signal in the history of the running workflow that names this event cannot be decoded."""
        decoded = []
        async for event in handle.fetch_history_events():
            if event.event_type != EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED:
                continue
            signal = event.workflow_execution_signaled_event_attributes
            payloads = signal.input.payloads
            if signal.signal_name == SIGNAL and any(event_id.encode() in payload.data for payload in payloads):
                decoded.append(await self._decodes(payloads))
        return bool(decoded) and not any(decoded)

    async def _decodes(self, payloads: Iterable[Any]) -> bool:
        try:
            await self.client.data_converter.decode(list(payloads), [list[MilestoneEvent]])
        except Exception:
            return False
        return True


def _difference(subject: str, reason: str, where: str) -> Difference:
    return Difference(
        about=About.MESSAGE,
        subject=subject,
        kind=DifferenceClass.MISSING,
        ours="accepted",
        theirs=reason,
        owner="syncline",
        proposal=f"{where}: {DONE_ABOUT[reason]}",
    )
