"""The life of one exception case, as a workflow: alert its owner, climb while nobody solves it, close when it is cured.

It decides with `domain.escalation` the moment that it hears something, writes each step down before it answers anybody,
and keeps one timer: for the next tier, from the opening on.
"""

import asyncio
from typing import Any

from temporalio import workflow
from temporalio.common import SearchAttributeKey, SearchAttributeUpdate
from temporalio.exceptions import ApplicationError

from domain import escalation
from domain.case_file import CaseFile, answer, record
from domain.escalation import CaseVerb, Change
from schemas.cases import CaseEntry, CaseNews, CaseOutcome, Notice
from schemas.commands import CaseAnswer, Command, NoteRequest
from workflows import case_steps

SITE = SearchAttributeKey.for_keyword("Site")
REGION = SearchAttributeKey.for_keyword("Region")
CARRIER = SearchAttributeKey.for_keyword("Carrier")
PRIORITY = SearchAttributeKey.for_keyword("Priority")
EXCEPTION_KINDS = SearchAttributeKey.for_keyword_list("ExceptionKinds")
OPEN_CASES = SearchAttributeKey.for_keyword_list("OpenCases")
NEXT_DUE = SearchAttributeKey.for_datetime("NextDue")

SHOWN_ENTRIES = 24


@workflow.defn(name="ExceptionCase")
class ExceptionCaseWorkflow:
    """One case of one kind on one order. Id: `case/<erp>/<number>/<kind>/<n>`. Started with a `CaseStart`."""

    @workflow.init
    def __init__(self, file: CaseFile) -> None:
        self._file = file
        self._written = file.version
        self._notices: list[Notice] = []
        self._inbox_ids: list[int] = []
        self._timer: asyncio.Task[None] | None = None
        self._indexed: tuple[object, ...] = ()
        if not file.version:
            self._take(escalation.open_case(file))

    @workflow.run
    async def run(self, file: CaseFile) -> CaseOutcome:
        """The story of a case."""
        while not self._over:
            self._watch_clock()
            await workflow.wait_condition(self._has_news)
            self._take(escalation.pass_time(self._file, workflow.now()))
            await self._write_down()
            if workflow.info().is_continue_as_new_suggested() and not self._file.closed:
                await self._continue_as_new()
        return CaseOutcome(id=self._file.id, state=self._file.state, history=self._file.history)

    # What the order tells

    @workflow.signal
    def news(self, news: CaseNews) -> None:
        """What is wrong with the order now; nothing any more means cured."""
        self._take(escalation.hear(self._file, news))

    @workflow.signal
    def acted(self, entry: CaseEntry) -> None:
        """The order carried out an action that the case offers."""
        self._take(escalation.hear_action(self._file, entry))

    # What people ask

    @workflow.update
    async def acknowledge(self, command: Command[NoteRequest]) -> CaseAnswer:
        """Somebody has seen it."""
        return await self._ask(CaseVerb.ACKNOWLEDGE, command)

    @acknowledge.validator
    def _check_acknowledge(self, command: Command[NoteRequest]) -> None:
        self._check(CaseVerb.ACKNOWLEDGE, command)

    @workflow.update
    async def assign(self, command: Command[NoteRequest]) -> CaseAnswer:
        """Somebody takes it, or is given it."""
        return await self._ask(CaseVerb.ASSIGN, command)

    @assign.validator
    def _check_assign(self, command: Command[NoteRequest]) -> None:
        self._check(CaseVerb.ASSIGN, command)

    @workflow.update
    async def resolve(self, command: Command[NoteRequest]) -> CaseAnswer:
        """Somebody says that it is dealt with."""
        return await self._ask(CaseVerb.RESOLVE, command)

    @resolve.validator
    def _check_resolve(self, command: Command[NoteRequest]) -> None:
        self._check(CaseVerb.RESOLVE, command)

    @workflow.query
    def status(self) -> CaseAnswer:
        """State, tier, queue and assignee."""
        return answer(self._file)

    # The steps of the story

    def _check(self, verb: CaseVerb, command: Command[NoteRequest]) -> None:
        refusal = escalation.refusal(self._file, verb, command)
        if refusal:
            raise ApplicationError(refusal, type="refused")

    async def _ask(self, verb: CaseVerb, command: Command[NoteRequest]) -> CaseAnswer:
        """Decide now; answer when it is written down."""
        change = escalation.ask(self._file, verb, command)
        if change.file is not self._file:
            self._inbox_ids.append(command.inbox_id)
        self._take(change)
        version = self._file.version
        await workflow.wait_condition(lambda: self._written >= version)
        return answer(self._file)

    def _take(self, change: Change) -> None:
        self._file = change.file
        self._notices.extend(change.notices)

    def _watch_clock(self) -> None:
        """One lazy timer: it is let fire, then the case looks what is due. Nothing makes anything due earlier."""
        if self._timer and self._timer.done():
            self._timer = None
        due = self._file.next_due
        if due and self._timer is None:
            delay_s = (due - workflow.now()).total_seconds()
            summary = f"until it goes to {self._file.next_queue}"
            self._timer = asyncio.create_task(workflow.sleep(max(0.0, delay_s), summary=summary))

    def _has_news(self) -> bool:
        return bool(self._unwritten or (self._timer and self._timer.done()) or self._over)

    @property
    def _unwritten(self) -> bool:
        return self._written < self._file.version

    @property
    def _over(self) -> bool:
        return self._file.closed and not self._unwritten and workflow.all_handlers_finished()

    async def _write_down(self) -> None:
        if not self._unwritten:
            return
        step = record(self._file, self._notices, self._inbox_ids)
        self._notices, self._inbox_ids = [], []
        await case_steps.write_case(step)
        self._written = step.version
        self._show()

    async def _continue_as_new(self) -> None:
        """Carry the file over. Handlers are drained first, or messages were lost."""
        while self._unwritten or not workflow.all_handlers_finished():
            await self._write_down()
            await workflow.wait_condition(lambda: self._unwritten or workflow.all_handlers_finished())
        workflow.continue_as_new(self._file)

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
