"""The commands of a workflow, task by task, as text that people can compare.

A line is a workflow task; inside it the commands are sorted, since lanes race there. Two histories with the same
fingerprint made the same decisions in the same order; code that changes one changes what orders under way would do.
"""

import json
from collections.abc import Iterator

from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import WorkflowHistory

PATCH = "core_patch"
"""The SDK's name for the marker of `workflow.patched`."""


def fingerprint(history: WorkflowHistory) -> str:
    """One line for each workflow task that decided anything."""
    lines: list[str] = []
    commands: list[str] = []
    for event in history.events:
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED:
            lines.append(", ".join(sorted(commands)))
            commands = []
        commands.extend(_commands(event))
    lines.append(", ".join(sorted(commands)))
    return "".join(f"{line}\n" for line in lines if line)


def _commands(event: HistoryEvent) -> Iterator[str]:
    """What the workflow asked for with this event; nothing for what happened to it."""
    match event.WhichOneof("attributes"):
        case "marker_recorded_event_attributes" if event.marker_recorded_event_attributes.marker_name == PATCH:
            yield "patched"
        case "marker_recorded_event_attributes":
            data = event.marker_recorded_event_attributes.details["data"].payloads[0].data
            yield f"local {json.loads(data)['activity_type']}"
        case "activity_task_scheduled_event_attributes":
            yield f"queued {event.activity_task_scheduled_event_attributes.activity_type.name}"
        case "timer_started_event_attributes":
            yield "timer"
        case "timer_canceled_event_attributes":
            yield "timer cancelled"
        case "start_child_workflow_execution_initiated_event_attributes":
            yield f"child {event.start_child_workflow_execution_initiated_event_attributes.workflow_type.name}"
        case "signal_external_workflow_execution_initiated_event_attributes":
            yield f"signal {event.signal_external_workflow_execution_initiated_event_attributes.signal_name}"
        case "upsert_workflow_search_attributes_event_attributes":
            yield "index"
        case "workflow_execution_continued_as_new_event_attributes":
            yield "continue as new"
        case "workflow_execution_completed_event_attributes":
            yield "complete"
