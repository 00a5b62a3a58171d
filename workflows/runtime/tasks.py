"""In which workflow task a step is decided, and what a new run of the workflow begins with after it."""

from collections.abc import Callable, Sequence

from temporalio import workflow

from schemas.base import Contract
from schemas.workflows.steps import InputOutcome, Record, Snapshot, Task, WorkflowStep

BYTES_PER_STEP = 64 * 1024
"""Bytes that steps may spend on snapshots, on the average: as many as TOAST compresses in a millisecond."""


def history_length() -> int:
    """Events of the history when the present workflow task began: another task has another length."""
    return workflow.info().get_current_history_length()


class Recorder:
    """Makes steps: knows the present task, which version the tasks before it have come to, and when a snapshot is due.

    A small workflow takes one with each step, a large one as often as its size allows. `run` is the number of this run.
    """

    def __init__(self, subject: str, run: int, version: int) -> None:
        self._subject, self.run = subject, run
        self._at, self._kept, self._version = 0, version, version
        self._next_snapshot = 0

    def step(
        self,
        record: Record,
        *,
        version: int,
        base: int,
        outcomes: Sequence[InputOutcome] = (),
        run: Callable[[], Contract] | None = None,
        ended: bool = False,
    ) -> WorkflowStep[Record]:
        """A step of this version, decided on the state of version `base`. `run`: what a new run would begin with."""
        return WorkflowStep(
            task=self._task(version),
            version=version,
            base=base,
            record=record,
            outcomes=tuple(outcomes),
            snapshot=self._snapshot(version, run, ended=ended) if run else None,
            ended=ended,
        )

    def _task(self, version: int) -> Task:
        info, at = workflow.info(), history_length()
        if at != self._at:
            self._at, self._kept = at, self._version
        self._version = version
        return Task(
            workflow=info.workflow_id,
            subject=self._subject,
            run=self.run,
            run_id=info.run_id,
            at=at,
            kept=self._kept,
        )

    def _snapshot(self, version: int, run: Callable[[], Contract], *, ended: bool) -> Snapshot | None:
        if version < self._next_snapshot and not ended:
            return None
        text = run().model_dump_json(exclude_defaults=True)
        self._next_snapshot = version + len(text) // BYTES_PER_STEP
        return Snapshot(version=version, run=text)
