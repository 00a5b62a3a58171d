"""Which tasks and answers are lost, and how: planned ones exactly, others by a seeded chance."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from random import Random

from tests.faults.tasks import Completion, When


class Fault(StrEnum):
    """How a completion, or an answer, is lost. In every case the worker has done what the task says."""

    FAILED = "failed"
    """The server fails the task itself, as it does for UNHANDLED_COMMAND: a new attempt at once; updates are gone."""
    GIVEN_UP = "given_up"
    """The task is failed in the worker's name, as an exception in a workflow does: updates are delivered again."""
    REJECTED = "rejected"
    """The completion never arrives, and the worker hears NOT_FOUND: the server waits for the task's time-out."""
    WITHHELD = "withheld"
    """The completion arrives after the task's time-out; the server refuses it."""
    FORGOTTEN = "forgotten"
    """The server loses what it holds only in memory, as when a shard moves. Updates under way are gone, with no trace
    in the history; a caller that still waits has the server ask again."""
    ANSWER_LOST = "answer_lost"
    """The server took a start or a signal, and its sender hears UNAVAILABLE."""


MIX: Mapping[Fault, float] = {Fault.FAILED: 0.88, Fault.REJECTED: 0.04, Fault.WITHHELD: 0.04, Fault.FORGOTTEN: 0.04}
"""Shares of the faults. Few wait for a time-out of ten seconds, or trouble every workflow of the server at once."""


@dataclass(frozen=True)
class Target:
    """What can be hit. `workflow_type` is empty for signals, which do not tell it."""

    workflow_id: str
    workflow_type: str


@dataclass
class Planned:
    """A loss that is due. `hit` is set when it begins."""

    fault: Fault
    workflow_id: str
    when: When
    hit: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass
class Chances:
    """Everything may be changed while the proxy runs. Rates are probabilities of one task, and of one answer."""

    seed: int
    rate: float = 0.0
    answer_rate: float = 0.0
    mix: Mapping[Fault, float] = field(default_factory=lambda: dict(MIX))
    only: Callable[[Target], bool] = lambda target: True
    paused: bool = False
    """No loss by chance. What is planned happens all the same."""
    planned: list[Planned] = field(default_factory=list)
    _seen: dict[str, int] = field(default_factory=dict)

    def of_task(self, completion: Completion) -> Fault | None:
        """The fault that hits a completion."""
        task = completion.task
        chance = self._chance(f"task/{task.workflow_id}")
        for plan in self.planned:
            if plan.fault is not Fault.ANSWER_LOST and plan.workflow_id == task.workflow_id and plan.when(completion):
                return self._due(plan)
        if not self._may(Target(task.workflow_id, task.workflow_type)) or chance.random() >= self.rate:
            return None
        [fault] = chance.choices(list(self.mix), list(self.mix.values()))
        return fault

    def of_answer(self, target: Target) -> bool:
        """Whether an answer to a start or signal is lost."""
        chance = self._chance(f"answer/{target.workflow_id}")
        for plan in self.planned:
            if plan.fault is Fault.ANSWER_LOST and plan.workflow_id == target.workflow_id:
                return self._due(plan) is Fault.ANSWER_LOST
        return self._may(target) and chance.random() < self.answer_rate

    def _may(self, target: Target) -> bool:
        return not self.paused and self.only(target)

    def _due(self, plan: Planned) -> Fault:
        self.planned.remove(plan)
        plan.hit.set()
        return plan.fault

    def _chance(self, name: str) -> Random:
        """A workflow's n-th task meets the same fate in every run, however the workflows mingle."""
        self._seen[name] = number = self._seen.get(name, 0) + 1
        return Random(f"{self.seed}/{name}/{number}")
