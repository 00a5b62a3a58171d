"""The life of one exception case, as a workflow: alert its owner, climb while nobody solves it, close when it is cured.

It decides one input at a time with `domain.cases.escalation`, writes each step down, and keeps one timer: for the next
tier, from the opening on.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

from temporalio import workflow
from temporalio.common import SearchAttributeKey, SearchAttributeUpdate

from domain.cases import escalation
from domain.cases.case_file import CaseFile, answer, record
from domain.cases.escalation import CaseChange, CaseVerb
from schemas.cases.cases import CaseEntry, CaseNews, CaseOutcome, Notice
from schemas.workflows.commands import CaseAnswer, Command, NoteRequest
from schemas.workflows.steps import InputOutcome
from workflows.cases import case_steps
from workflows.runtime.deadline_timer import DeadlineTimer, Due
from workflows.runtime.inputs import CommandInput, Input, Inputs
from workflows.runtime.tasks import Recorder

SITE = SearchAttributeKey.for_keyword("Site")
REGION = SearchAttributeKey.for_keyword("Region")
CARRIER = SearchAttributeKey.for_keyword("Carrier")
PRIORITY = SearchAttributeKey.for_keyword("Priority")
EXCEPTION_KINDS = SearchAttributeKey.for_keyword_list("ExceptionKinds")
OPEN_CASES = SearchAttributeKey.for_keyword_list("OpenCases")
NEXT_DUE = SearchAttributeKey.for_datetime("NextDue")

SHOWN_ENTRIES = 24
RUNS_OF_AN_OPENING = 1_000
VERSIONS_OF_AN_OPENING = 100_000
"""A case that is opened again counts runs and versions from the start; those of its steps go on from here."""


@workflow.defn(name="ExceptionCase")
class ExceptionCaseWorkflow:
    """One case of one kind on one order. Id: `case/<erp>/<number>/<kind>/<n>`. Started with a `CaseStart`."""

    @workflow.init
    def __init__(self, file: CaseFile) -> None:
        self._file = file
        self._inputs = Inputs(only_commands=True)
        self._watch = DeadlineTimer(self._due)
        self._opening = file.reopened * VERSIONS_OF_AN_OPENING
        self._recorder = Recorder(
            file.order, 1 + file.reopened * RUNS_OF_AN_OPENING + file.runs, self._opening + file.version
        )
        self._indexed: tuple[object, ...] = ()

    @workflow.run
    async def run(self, file: CaseFile) -> CaseOutcome:
        """The story of a case."""
        watching = asyncio.create_task(self._watch.run())
        if not file.version:
            await self._step(file, [self._take(escalation.open_case(file))], [])
        while not self._over:
            await workflow.wait_condition(self._has_news)
            await self._take_in()
            if workflow.info().is_continue_as_new_suggested() and not self._file.closed:
                await self._continue_as_new()
        watching.cancel()
        return CaseOutcome(id=self._file.id, state=self._file.state, history=self._file.history)

    # What the order tells

    @workflow.signal
    def news(self, news: CaseNews) -> None:
        """What is wrong with the order now; nothing any more means cured."""
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
        return answer(self._file)

    # The steps of the story

    def _due(self) -> Due | None:
        due = self._file.next_due
        return Due(due, f"solution: it goes to {self._file.next_queue}") if due else None

    def _has_news(self) -> bool:
        return self._inputs.waiting or self._watch.passed or self._over

    @property
    def _over(self) -> bool:
        return self._file.closed and not self._inputs.waiting

    async def _take_in(self) -> None:
        """Climb when a deadline has passed, then decide on every input."""
        if passed := self._watch.take():
            before = self._file
            await self._step(before, [self._take(escalation.pass_time(before, passed))], [])
        while bundle := self._inputs.bundle():
            await self._decide(bundle)

    async def _decide(self, bundle: Sequence[Input]) -> None:
        """Decide on inputs one by one, as one step."""
        before, notices, outcomes = self._file, list[tuple[Notice, ...]](), list[InputOutcome]()
        for it in bundle:
            if isinstance(it, CommandInput):
                notices.append(self._obey(it, outcomes))
            elif isinstance(it, CaseNews | CaseEntry):
                change = escalation.hear(self._file, it)
                notices += [self._take(change)] if change.file is not self._file else []
        if notices:
            await self._step(before, notices, outcomes)

    def _obey(self, asked: CommandInput, outcomes: list[InputOutcome]) -> tuple[Notice, ...]:
        verb, command = CaseVerb(asked.verb), asked.command
        refusal = escalation.refusal(self._file, verb, command)
        change = CaseChange(self._file) if refusal else escalation.ask(self._file, verb, command)
        notices = self._take(change)
        said = None if refusal else answer(self._file)
        outcomes.append(asked.verdict(self._opening + self._file.version, said, refusal))
        return notices

    def _take(self, change: CaseChange) -> tuple[Notice, ...]:
        """Go on to a file; what people are told because of it. Each input that counts is one version."""
        self._file = change.file.model_copy(update={"version": self._file.version + 1})
        return change.notices

    async def _step(
        self, before: CaseFile, notices: Sequence[tuple[Notice, ...]], outcomes: list[InputOutcome]
    ) -> None:
        file = self._file
        step = self._recorder.step(
            record(file, [notice for found in notices for notice in found]),
            version=self._opening + file.version,
            base=self._opening + before.version,
            outcomes=outcomes,
            run=lambda: file,
            ended=file.closed,
        )
        await case_steps.write_case(step)
        self._show()

    async def _continue_as_new(self) -> None:
        """Carry the file over. Inputs are decided first, or they were lost."""
        while self._inputs.waiting:
            await self._take_in()
        workflow.continue_as_new(self._file.model_copy(update={"runs": self._file.runs + 1}))

    def _show(self) -> None:
        """Refresh the details page; index the case again when something that lists are made of has changed."""
        file = self._file
        workflow.set_current_details(details(file))
        indexed = (file.next_due, file.closed)
        if indexed == self._indexed:
            return
        due = NEXT_DUE.value_set(file.next_due) if file.next_due else NEXT_DUE.value_unset()
        origin = [] if self._indexed else _origin(file)
        workflow.upsert_search_attributes([OPEN_CASES.value_set([] if file.closed else [file.id]), due, *origin])
        self._indexed = indexed


def _origin(file: CaseFile) -> list[SearchAttributeUpdate[Any]]:
    """What lists of cases are made of, and what never changes."""
    updates: list[SearchAttributeUpdate[Any]] = [
        EXCEPTION_KINDS.value_set([file.kind]),
        PRIORITY.value_set(str(file.priority)),
    ]
    named = ((SITE, file.site), (REGION, file.region), (CARRIER, file.carrier))
    return updates + [attribute.value_set(name) for attribute, name in named if name]


def details(file: CaseFile) -> str:
    """The case on half a page of markdown: where it is, what is wrong, what can be done, what happened."""
    due = f"{file.next_due:%Y-%m-%d %H:%M} UTC to {file.next_queue}" if file.next_due else "none"
    lines = [
        f"**{file.kind}** on order {file.order}: **{file.state}**, tier {file.tier} of {len(file.policy.tiers) - 1}",
        "",
        f"- queue: {file.queue}",
        f"- assignee: {file.assignee or 'nobody'}",
        f"- next escalation: {due}",
        *(f"- finding: {finding.summary} ({finding.subject})" for finding in file.findings),
        f"- actions: {', '.join(file.offered) or 'none'}",
        f"- policy version: {file.policy.version}",
        "",
        *(f"1. {entry.at:%Y-%m-%d %H:%M} {entry.what} ({entry.by})" for entry in file.history[-SHOWN_ENTRIES:]),
    ]
    return "\n".join(lines)
