"""The runtime of an entity: a workflow that is told things, decides them one at a time, writes steps, owes effects.

    +--> wait for news --> pass a deadline --> decide inputs --> join answers --> settle --+
    |                             |                   |                                    |
    |                             +-------------------+--> write a step --> carry out      |
    |                                                                                      |
    +--------------------------------------------------------------------------------------+
                                                          |
           continue as new: suggested, and drained <------+------> end: nothing waits, is owed or was answered

An order, a purchase order, a return and an exception case are entities. Each says in its own file what happens to it.
This file makes it happen in the order of the history, once, and survive lost tasks (decision 0035).
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, Protocol, TypeVar

from temporalio import workflow

from schemas.base import Contract
from schemas.messaging.effects import Effect
from schemas.workflows.records import StepWritten
from schemas.workflows.steps import InputOutcome, Record, WorkflowStep
from workflows.runtime.answers import EffectAnswers, SystemAnswer
from workflows.runtime.background import Background
from workflows.runtime.deadline_timer import DeadlineTimer, Due
from workflows.runtime.effect_lanes import EffectLanes
from workflows.runtime.inputs import Input, Inputs
from workflows.runtime.tasks import Recorder

TIMELINE_LINES = 24
"""Entries of the timeline that are shown, and that a run hands to the next; the whole timeline is in the store."""


class Versioned(Protocol):
    """A state of which each decided input makes the next version."""

    @property
    def version(self) -> int:
        """The number of inputs that were decided."""


class Delivered(Protocol):
    """A message that the relay has handed over: an event, a document."""

    @property
    def id(self) -> str:
        """Its name."""

    @property
    def inbox_id(self) -> int:
        """Its place in the inbox."""


StateT = TypeVar("StateT", bound=Versioned)
DecisionT = TypeVar("DecisionT")
RunT = TypeVar("RunT", bound=Contract)


@dataclass
class StepDraft(Generic[StateT, DecisionT]):
    """The decisions of one step: on which state (None: on nothing yet), what came of it, what senders hear."""

    before: StateT | None
    decisions: list[DecisionT] = field(default_factory=list)
    outcomes: list[InputOutcome] = field(default_factory=list)


class EntityWorkflow(ABC, Generic[StateT, DecisionT, Record, RunT]):
    """The shared part of entities' workflows. They fill in the methods below `What an entity says of itself`."""

    revivable = True
    """Whether what arrives after the end begins the entity again, so that its last step needs a snapshot."""

    def __init__(
        self,
        run: RunT,
        state: StateT,
        inputs: Inputs,
        recorder: Recorder,
        *,
        priority: int,
        history: Sequence[str] = (),
    ) -> None:
        self._run = run
        self._state = state
        self._inputs = inputs
        self._recorder = recorder
        self._history = list(history)
        self._answers = EffectAnswers(priority, self._derive)
        self._lanes = EffectLanes(self._answers.carry_out, lambda: self._may_confirm() and not self._answers.refused)
        self._background = Background()
        self._timer = DeadlineTimer(self._due)

    # The life of an entity

    async def _live(self) -> None:
        """Take in what is told, what has passed and what was answered, until it is over."""
        while not self._over():
            await workflow.wait_condition(self._has_news)
            if mistake := self._lanes.mistake or self._background.mistake:
                raise mistake
            await self._take_in()
            if workflow.info().is_continue_as_new_suggested() and not self._over():
                await self._continue_as_new()

    def _over(self) -> bool:
        """It has come to its end, and nothing waits, is owed or was answered."""
        at_rest = self._lanes.idle and self._background.idle
        return self._finished() and at_rest and not (self._inputs.waiting or self._answers.heard)

    def _has_news(self) -> bool:
        mistake = self._lanes.mistake or self._background.mistake
        return bool(self._inputs.ready or self._answers.heard or self._timer.passed or mistake) or self._over()

    async def _take_in(self) -> None:
        """Act on a deadline that has passed, decide on every input, then join what systems have answered."""
        if passed := self._timer.take():
            draft = self._draft()
            self._pass_deadline(passed, draft)
            await self._step(draft)
        while bundle := self._next_bundle():
            draft = self._draft()
            for given in bundle:
                self._decide(given, draft)
            await self._step(draft)
        for answer in self._answers.take():
            self._join(answer)
        await self._settle()

    def _next_bundle(self) -> list[Input]:
        return self._inputs.bundle() if self._inputs.ready else []

    def _draft(self) -> StepDraft[StateT, DecisionT]:
        return StepDraft(self._state)

    async def _step(self, draft: StepDraft[StateT, DecisionT]) -> None:
        """Write down what was decided, if anything was; then set in motion what follows from it."""
        if not (draft.decisions or draft.outcomes):
            return
        await self._write(draft, ended=self._ends())
        for decision in draft.decisions:
            self._lanes.put(tuple(self._effects(decision)))
            await self._set_in_motion(decision)
        await self._after_step()
        self._derive()

    async def _write(self, draft: StepDraft[StateT, DecisionT], *, ended: bool = False) -> None:
        """Write a step as one transaction. `ended`: no run goes on after it."""
        owed = tuple(effect for decision in draft.decisions for effect in self._effects(decision))
        step = self._recorder.step(
            self._record(draft),
            version=self._version(self._state),
            base=self._version(draft.before) if draft.before is not None else 0,
            outcomes=draft.outcomes,
            run=None if ended and not self.revivable else lambda: self._next_run(owed),
            ended=ended,
        )
        await self._keep(step)

    async def _drain(self) -> None:
        """Decide on every input and join every answer, or they were lost with this run."""
        while self._inputs.ready or self._answers.heard or not self._background.idle:
            await self._take_in()
            await workflow.wait_condition(lambda: self._inputs.ready or self._background.idle)

    async def _continue_as_new(self) -> None:
        """Carry everything over; what is owed is carried out by the next run, under the same keys."""
        await self._lanes.stop()
        await self._drain()
        workflow.continue_as_new(self._successor())

    def _next_run(self, owed: tuple[Effect, ...]) -> RunT:
        """The start of a run that goes on from here; `owed` is about to be owed besides."""
        carried = {
            "state": self._state,
            "seen": self._inputs.seen,
            "owed": (*self._lanes.owed, *owed),
            "history": self._timeline,
            **self._carried(),
        }
        return self._run.model_copy(update=carried)

    def _successor(self) -> RunT:
        """The start of the next run."""
        return self._next_run(()).model_copy(update={"run": self._recorder.run + 1})

    # What stories are told with

    def _verdict(self, message: Delivered, superseded: str | None) -> InputOutcome:
        """The verdict on a message, under the version that it was decided as."""
        version = self._version(self._state)
        return InputOutcome(event_id=message.id, inbox_id=message.inbox_id, superseded=superseded, version=version)

    def _note(self, entry: str, at: datetime | None = None) -> None:
        """Add an entry to the timeline."""
        self._history.append(f"{at:%Y-%m-%d %H:%M} {entry}" if at else entry)

    @property
    def _timeline(self) -> tuple[str, ...]:
        """The newest entries."""
        return tuple(self._history[-TIMELINE_LINES:])

    # What an entity says of itself, in the order in which it is asked

    @abstractmethod
    def _due(self) -> Due | None:
        """The next deadline. Asked at every activation."""

    @abstractmethod
    def _pass_deadline(self, at: datetime, draft: StepDraft[StateT, DecisionT]) -> None:
        """Decide what follows from a deadline that was noted as passed at that time."""

    @abstractmethod
    def _decide(self, given: Input, draft: StepDraft[StateT, DecisionT]) -> None:
        """Decide on one input: go on to the next state, add the decision and the verdict to the draft."""

    def _effects(self, decision: DecisionT) -> Iterable[Effect]:
        """The effects owed because of a decision."""
        return ()

    @abstractmethod
    def _record(self, draft: StepDraft[StateT, DecisionT]) -> Record:
        """The record that a step writes."""

    def _carried(self) -> dict[str, Any]:
        """Data that a run hands over besides its state, its inputs, its timeline and what it owes."""
        return {}

    @abstractmethod
    async def _keep(self, step: WorkflowStep[Record]) -> StepWritten:
        """Write a step to the database."""

    async def _set_in_motion(self, decision: DecisionT) -> None:
        """Further work after a decision is written."""

    async def _after_step(self) -> None:
        """Work after every step."""

    def _join(self, answer: SystemAnswer) -> None:
        """Join what a system answered, after the inputs of the task."""

    async def _settle(self) -> None:
        """At the end of each turn: let cases and the Temporal UI follow."""

    @abstractmethod
    def _finished(self) -> bool:
        """It has come to its end. Asked at every activation."""

    def _ends(self) -> bool:
        """Whether a step of the present state is the last one."""
        return False

    def _may_confirm(self) -> bool:
        """Whether what confirms the whole may be carried out."""
        return True

    def _derive(self) -> None:
        """Work out what is asked at every activation: after a step, and when a system does not take an effect now."""

    def _version(self, state: StateT) -> int:
        """The version under which steps of a state are written."""
        return state.version
