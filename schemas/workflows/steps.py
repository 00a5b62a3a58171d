"""Fields of every step of a workflow: the task in which it was decided, and its verdicts on messages."""

from typing import Any, Generic, TypeVar

from schemas.base import Contract

Record = TypeVar("Record", bound=Contract)


class Task(Contract):
    """The workflow task in which a step was decided.

    `run` counts the runs of the workflow, over continue-as-new and restarts; `run_id` is Temporal's name of it. `at` is
    the length of its history, in events, when the task began: a later task has a longer one. `kept` is the version that
    earlier tasks have come to: the server has kept these, so their steps are confirmed.
    """

    workflow: str
    subject: str
    run: int = 1
    run_id: str
    at: int
    kept: int = 0


class InputOutcome(Contract):
    """The verdict on one input: an event, or the message that carried a command or document.

    `superseded` says why it changed nothing, or why a command was refused. `answer` is the answer to the caller of a
    command. `version` is that of the input.
    """

    event_id: str
    inbox_id: int
    superseded: str | None = None
    version: int = 0
    answer: dict[str, Any] | None = None


class Snapshot(Contract):
    """The state that a new run of the workflow begins with, as JSON, once the step of this `version` is written."""

    version: int
    run: str


class WorkflowStep(Contract, Generic[Record]):
    """One step of a workflow, written as one transaction: what changed, and where it was decided.

    `base`: the version that it was decided on. Stored steps beyond it are of a superseded attempt. `snapshot` is absent
    in the steps of a large order between two snapshots. `ended`: no run goes on after this step.
    """

    task: Task
    version: int
    base: int
    record: Record
    outcomes: tuple[InputOutcome, ...] = ()
    snapshot: Snapshot | None = None
    ended: bool = False
