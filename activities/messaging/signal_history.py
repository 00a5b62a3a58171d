"""Signals in a workflow's history, and those that no workflow of this build can decode.

The SDK drops a signal that it cannot decode, with a line in a log: whatever the workflow is, nobody would decide it.
"""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowHandle

from domain.cases.escalation import CaseVerb
from schemas.cases.cases import CaseEntry, CaseNews
from schemas.orders.milestones import MilestoneEvent
from schemas.orders.release import CancelRequest
from schemas.procurement.purchase_orders import PurchaseDocument
from schemas.workflows.commands import (
    ActionRequest,
    Amendment,
    Command,
    HoldRequest,
    NoteRequest,
    ReplanDecision,
    ResumeRequest,
)
from schemas.workflows.returns import ReturnOutcome

SIGNALS: dict[str, Any] = {
    "milestones": list[MilestoneEvent],
    "documents": list[PurchaseDocument],
    "returned": ReturnOutcome,
    "news": CaseNews,
    "acted": CaseEntry,
    "amend": Command[Amendment],
    "cancel": Command[CancelRequest],
    "hold": Command[HoldRequest],
    "resume": Command[ResumeRequest],
    "act": Command[ActionRequest],
    "replan": Command[ReplanDecision],
    **{verb.value: Command[NoteRequest] for verb in CaseVerb},
}
"""Payload types by signal of orders, purchase orders, returns and cases: no name has two meanings."""


@dataclass(frozen=True)
class SignalPayloads:
    """The payloads of all signals, one after the other: those that can be decoded, and those that cannot."""

    good: bytes = b""
    bad: bytes = b""

    def lost_event(self, id: str) -> bool:
        """Whether an event came only in signals that cannot be decoded."""
        return id.encode() in self.bad and json.dumps(id).encode() not in self.good

    def lost_message(self, id: int) -> bool:
        """Whether the command or document of an inbox message did."""
        named = re.compile(rb'"inbox_id": ?%d\b' % id)
        return bool(named.search(self.bad)) and not named.search(self.good)


NOTHING = SignalPayloads()


async def heard(client: Client, handle: WorkflowHandle[Any, Any]) -> SignalPayloads:
    """The signals of a workflow's newest run."""
    good: list[bytes] = []
    bad: list[bytes] = []
    async for event in handle.fetch_history_events():
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED:
            signal = event.workflow_execution_signaled_event_attributes
            decoded = await _decodes(client, signal.input.payloads, SIGNALS.get(signal.signal_name))
            (good if decoded else bad).extend(payload.data for payload in signal.input.payloads)
    return SignalPayloads(b"\n".join(good), b"\n".join(bad))


async def _decodes(client: Client, payloads: Iterable[Any], into: Any) -> bool:
    try:
        await client.data_converter.decode(list(payloads), [into])
    except Exception:
        return False
    return into is not None
