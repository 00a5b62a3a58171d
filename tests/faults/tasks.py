"""What the proxy reads in passing: which workflow a task belongs to, and what its completion says."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from temporalio.api.command.v1 import Command
from temporalio.api.enums.v1 import CommandType
from temporalio.api.workflowservice.v1 import (
    PollWorkflowTaskQueueResponse,
    RespondWorkflowTaskCompletedRequest,
    RespondWorkflowTaskCompletedResponse,
)

KEPT = 20_000
"""Tasks and requests remembered: far more than are under way at once in any test."""
LOCAL_ACTIVITY = "core_local_activity"
"""The name that the SDK gives to the markers of local activities."""


Key = TypeVar("Key")
Value = TypeVar("Value")


@dataclass(frozen=True)
class Task:
    """A workflow task that the server gave to a worker."""

    workflow_id: str = ""
    run_id: str = ""
    workflow_type: str = ""
    started_ns: int = 0
    """When the server counts it as started: no two attempts of a workflow have the same, whatever else is counted."""


@dataclass(frozen=True)
class Completion:
    """What a worker says at the end of a task."""

    task: Task
    request: RespondWorkflowTaskCompletedRequest

    @property
    def local_activities(self) -> list[str]:
        """The names of the local activities that ended in the task."""
        return [
            json.loads(command.record_marker_command_attributes.details["data"].payloads[0].data)["activity_type"]
            for command in self._of(CommandType.COMMAND_TYPE_RECORD_MARKER)
            if command.record_marker_command_attributes.marker_name == LOCAL_ACTIVITY
        ]

    @property
    def updates(self) -> list[str]:
        """What is said to updates: `Acceptance`, `Rejection`, `Response`."""
        return [message.body.type_url.rsplit(".", 1)[1] for message in self.request.messages]

    def _of(self, kind: CommandType.ValueType) -> list[Command]:
        return [command for command in self.request.commands if command.command_type == kind]


When = Callable[[Completion], bool]
"""Chooses completions. See `ran`, `said`, `took_an_update`."""


def ran(activity: str) -> When:
    """Tasks in which this local activity ended."""
    return lambda completion: activity in completion.local_activities


def said(*kinds: CommandType.ValueType) -> When:
    """Tasks that end with one of these commands, such as COMMAND_TYPE_COMPLETE_WORKFLOW_EXECUTION."""
    return lambda completion: any(command.command_type in kinds for command in completion.request.commands)


def took_an_update(completion: Completion) -> bool:
    """Tasks that accepted an update."""
    return "Acceptance" in completion.updates


class Tasks:
    """The tasks under way, by their tokens."""

    def __init__(self) -> None:
        self.whole_histories = 0
        """Tasks that came with their workflow's history from its beginning, as to a worker without it in memory."""
        self._by_token: dict[bytes, Task] = {}

    def polled(self, answer: bytes) -> None:
        """Learn from the answer to a poll. A poll that ended without a task, or with a mere query, teaches nothing."""
        self._learn(PollWorkflowTaskQueueResponse.FromString(answer))

    def answered(self, answer: bytes) -> None:
        """Learn from the answer to a completion, which may bring the next task."""
        self._learn(RespondWorkflowTaskCompletedResponse.FromString(answer).workflow_task)

    def of(self, token: bytes) -> Task:
        """The task of a token."""
        return self._by_token.get(token, Task())

    def _learn(self, polled: PollWorkflowTaskQueueResponse) -> None:
        if not polled.task_token or polled.HasField("query"):
            return
        self.whole_histories += bool(polled.history.events) and polled.history.events[0].event_id == 1
        execution = polled.workflow_execution
        task = Task(
            execution.workflow_id, execution.run_id, polled.workflow_type.name, polled.started_time.ToNanoseconds()
        )
        remember(self._by_token, polled.task_token, task)


def remember(known: dict[Key, Value], key: Key, value: Value) -> None:
    """Keep a value; the oldest make room."""
    known[key] = value
    while len(known) > KEPT:
        del known[next(iter(known))]
