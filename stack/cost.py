"""The cost of an order in Temporal: history events, bytes, and billable actions.

Actions are counted as Temporal Cloud bills them (https://docs.temporal.io/cloud/actions). Each start, update, signal,
timer, index update and activity attempt is one. All local activities of a workflow task are one together.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import Client

ONE_ACTION = frozenset(
    {
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED,
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED,
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED,
        EventType.EVENT_TYPE_TIMER_STARTED,
        EventType.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES,
        EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED,
    }
)
LOCAL_ACTIVITY = "core_local_activity"


@dataclass(frozen=True)
class Cost:
    """The cost of one order."""

    events: int
    size_bytes: int
    actions: int


def billable_actions(events: Sequence[HistoryEvent]) -> int:
    """Billable actions of a history."""
    actions = 0
    counted_task = False
    for event in events:
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED:
            counted_task = False
        elif event.event_type in ONE_ACTION:
            actions += 1
        elif event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_STARTED:
            actions += event.activity_task_started_event_attributes.attempt - 1
        elif event.event_type == EventType.EVENT_TYPE_MARKER_RECORDED:
            local = event.marker_recorded_event_attributes.marker_name == LOCAL_ACTIVITY
            if local and not counted_task:
                actions += 1
                counted_task = True
    return actions


async def measure(client: Client, workflow_id: str) -> Cost:
    """The cost of one workflow execution."""
    handle = client.get_workflow_handle(workflow_id)
    described = (await handle.describe()).raw_description.workflow_execution_info
    history = await handle.fetch_history()
    return Cost(described.history_length, described.history_size_bytes, billable_actions(history.events))
