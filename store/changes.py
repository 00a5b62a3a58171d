"""The changes of a step, each written by the store of its subject: a list of writers says by which, and in which order.

The order of the list is that in which locks are taken. What a step does not change costs no statement.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Generic

from schemas.changes import Kind
from schemas.inventory.stock import Moves
from schemas.workflows.records import StepRecord
from schemas.workflows.steps import WorkflowStep
from store.engine import Connection


class WritePhase(StrEnum):
    """When a change is written: while answers are read, a round trip for each; or in the one pipeline at the end."""

    READING = "reading"
    PIPELINED = "pipelined"


@dataclass
class StepScope:
    """A step that is being written. `again`: steps beyond its base were written before, by a superseded attempt or by
    this one. What is booked has keys that begin with `stem`, and names its `source`. `booked`: stock that has moved by
    it since, once that is known. `newest`: no newer version of its subject is written.
    """

    step: WorkflowStep[StepRecord]
    again: bool
    stem: str
    source: str
    newest: bool = True
    booked: Moves = field(default_factory=dict)

    @property
    def record(self) -> StepRecord:
        """What changed."""
        return self.step.record

    @property
    def order(self) -> str:
        """The key of what the step is about."""
        return self.step.record.order

    @property
    def version(self) -> int:
        """The version that the step comes to."""
        return self.step.record.version


@dataclass(frozen=True)
class Writer(Generic[Kind]):
    """Who writes a kind of change, and in which phase; `again` is that of a step which is decided again.

    `corrects`: what a superseded attempt wrote is taken back, also by a step without such a change. `newest_only`: what
    is shown is never written over by an older version.
    """

    kind: type[Kind]
    write: Callable[[Connection, StepScope, Kind], Awaitable[None]]
    phase: WritePhase = WritePhase.PIPELINED
    again: WritePhase | None = None
    corrects: bool = False
    newest_only: bool = False

    def phase_of(self, scope: StepScope) -> WritePhase:
        """When a change of this step is written."""
        return (self.again if scope.again else None) or self.phase


Writers = Sequence[Writer[Any]]


async def write(connection: Connection, scope: StepScope, writers: Writers, phase: WritePhase) -> None:
    """Write the changes of a phase, in the order of the writers."""
    for writer in writers:
        if writer.phase_of(scope) is not phase or (writer.newest_only and not scope.newest):
            continue
        change = scope.record.find(writer.kind)
        if change is None and writer.corrects and scope.again:
            change = writer.kind()
        if change is not None:
            await writer.write(connection, scope, change)


def refuse_unknown(record: StepRecord, writers: Writers) -> None:
    """Nothing that was decided is dropped. Raises LookupError for a change that none of the writers writes."""
    if unknown := {type(change) for change in record.changes} - {writer.kind for writer in writers}:
        raise LookupError(f"nobody writes {', '.join(sorted(kind.__name__ for kind in unknown))} of {record.order}")
