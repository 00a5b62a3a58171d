"""The life of one exception case, as a workflow: alert its owner, climb while nobody solves it, close when it is cured.

    opened --> tier 1 --(time passes)--> tier 2 --> ... --> last tier
      |          |                         |                   |
      | alert    +----- acknowledge, assign: still climbs -----+
      v          |                                             |
    owner        +--> the order says that it is cured ---------+--> cured
                 +--> people say that it is dealt with --------+--> resolved

It decides one input at a time with `domain.cases.escalation` and writes each step down. One timer waits for the next
tier, from the opening on.
"""

from datetime import datetime

from temporalio import workflow

from domain.cases import escalation
from domain.cases.case_file import CaseFile, answer, case_record
from domain.cases.escalation import CaseChange, CaseVerb
from schemas.cases.cases import CaseEntry, CaseNews, CaseOutcome, CaseRecord, Notice
from schemas.messaging.effects import Effect
from schemas.workflows.commands import CaseAnswer, Command, NoteRequest
from schemas.workflows.records import StepWritten
from schemas.workflows.steps import WorkflowStep
from workflows.cases import case_steps
from workflows.cases.case_details import CaseDetails
from workflows.runtime.deadline_timer import Due
from workflows.runtime.entity import EntityWorkflow, StepDraft
from workflows.runtime.inputs import CommandInput, Input, Inputs
from workflows.runtime.tasks import Recorder

RUNS_OF_AN_OPENING = 1_000
VERSIONS_OF_AN_OPENING = 100_000
"""A case that is opened again counts runs and versions from the start; those of its steps go on from here."""

Notices = tuple[Notice, ...]
Draft = StepDraft[CaseFile, Notices]


@workflow.defn(name="ExceptionCase")
class ExceptionCaseWorkflow(EntityWorkflow[CaseFile, Notices, CaseRecord, CaseFile]):
    """One case of one kind on one order. Id: `case/<erp>/<number>/<kind>/<n>`. Started with a `CaseStart`."""

    @workflow.init
    def __init__(self, file: CaseFile) -> None:
        number = 1 + file.reopened * RUNS_OF_AN_OPENING + file.runs
        recorder = Recorder(file.order, number, self._version(file))
        super().__init__(file, file, Inputs(only_commands=True), recorder, priority=file.priority)
        self._display = CaseDetails()

    @workflow.run
    async def run(self, file: CaseFile) -> CaseOutcome:
        """The story of a case."""
        self._timer.start()
        if not file.version:
            await self._open()
        await self._live()
        self._timer.stop()
        return CaseOutcome(id=self._state.id, state=self._state.state, history=self._state.history)

    async def _open(self) -> None:
        """Alert the owner."""
        draft = self._draft()
        self._change(escalation.open_case(self._state), draft)
        await self._step(draft)

    def _due(self) -> Due | None:
        due = self._state.next_due
        return Due(due, f"solution: it goes to {self._state.next_queue}") if due else None

    def _pass_deadline(self, at: datetime, draft: Draft) -> None:
        """Climb to the next tier."""
        self._change(escalation.pass_time(self._state, at), draft)

    # What the order tells

    @workflow.signal
    def news(self, news: CaseNews) -> None:
        """The order's findings now; none means cured."""
        self._inputs.add(news)

    @workflow.signal
    def acted(self, entry: CaseEntry) -> None:
        """The order carried out an action that the case offers."""
        self._inputs.add(entry)

    # What people ask

    @workflow.signal
    def acknowledge(self, command: Command[NoteRequest]) -> None:
        """Somebody has seen it."""
        self._inputs.add(CommandInput(CaseVerb.ACKNOWLEDGE, command))

    @workflow.signal
    def assign(self, command: Command[NoteRequest]) -> None:
        """Somebody takes it, or is given it."""
        self._inputs.add(CommandInput(CaseVerb.ASSIGN, command))

    @workflow.signal
    def resolve(self, command: Command[NoteRequest]) -> None:
        """Somebody says that it is dealt with."""
        self._inputs.add(CommandInput(CaseVerb.RESOLVE, command))

    @workflow.query
    def status(self) -> CaseAnswer:
        """State, tier, queue and assignee."""
        return answer(self._state)

    # What is decided

    def _decide(self, given: Input, draft: Draft) -> None:
        if isinstance(given, CommandInput):
            self._obey(given, draft)
        elif isinstance(given, CaseNews | CaseEntry):
            change = escalation.hear(self._state, given)
            if change.file is not self._state:
                self._change(change, draft)

    def _obey(self, asked: CommandInput, draft: Draft) -> None:
        verb, command = CaseVerb(asked.verb), asked.command
        refusal = escalation.refusal(self._state, verb, command)
        self._change(CaseChange(self._state) if refusal else escalation.ask(self._state, verb, command), draft)
        said = None if refusal else answer(self._state)
        draft.outcomes.append(asked.verdict(self._version(self._state), said, refusal))

    def _change(self, change: CaseChange, draft: Draft) -> None:
        """Go on to a file; people are told of it. Each input that counts is one version."""
        self._state = change.file.model_copy(update={"version": self._state.version + 1})
        draft.decisions.append(change.notices)

    # What is written

    def _record(self, draft: Draft) -> CaseRecord:
        return case_record(self._state, [notice for notices in draft.decisions for notice in notices])

    def _version(self, state: CaseFile) -> int:
        return state.reopened * VERSIONS_OF_AN_OPENING + state.version

    def _next_run(self, owed: tuple[Effect, ...]) -> CaseFile:
        return self._state

    def _successor(self) -> CaseFile:
        return self._state.model_copy(update={"runs": self._state.runs + 1})

    async def _keep(self, step: WorkflowStep[CaseRecord]) -> StepWritten:
        return await case_steps.write_case(step)

    async def _after_step(self) -> None:
        self._display.show(self._state)

    # Its end

    def _ends(self) -> bool:
        return self._state.closed

    def _finished(self) -> bool:
        return self._state.closed
