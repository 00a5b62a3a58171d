"""Workflows that an order starts beside its own story: exception cases that follow what is wrong with it, and returns.

Cases are grouped by kind: a finding joins the case of its kind while that is open, and opens one when none is. The same
finding that comes again reopens its case with its history; another one gets a case of its own. What people have
resolved although it is not cured is not raised again before it was cured, or is worse by more than a band. An open case
follows every change of its figures.
"""

import asyncio
from collections.abc import Awaitable, Iterable
from datetime import date
from typing import Any, Protocol

from temporalio import workflow
from temporalio.exceptions import FailureError, WorkflowAlreadyStartedError, is_cancelled_exception
from temporalio.workflow import ChildWorkflowHandle, ParentClosePolicy

from domain.cases import known_cases
from schemas.cases.cases import CaseEntry, CaseNews, CaseOutcome, CaseQuery, CaseStart, CaseState, Finding, KnownCase
from schemas.cases.exceptions import CasePolicy, ExceptionKind
from schemas.workflows.returns import ReturnStart
from workflows.cases import case_steps
from workflows.runtime import steps
from workflows.runtime.background import Background
from workflows.runtime.timeouts_and_retries import CLOSING, CLOSING_AT_MOST, TASK_TIMEOUT

FIGURES = "cases follow figures"
"""The patch since which an open case hears of figures that change under the same names."""


class SubjectStart(Protocol):
    """The start of a case's subject, as cases need it: an order, or a purchase order."""

    @property
    def key(self) -> str:
        """`<erp>/<number>`."""

    @property
    def site(self) -> str:
        """Where it is about."""

    @property
    def region(self) -> str:
        """The partner whose people look after it."""

    @property
    def priority(self) -> int:
        """1 to 5."""


class SubjectState(Protocol):
    """The state of a case's subject, as cases need it."""

    @property
    def start(self) -> SubjectStart:
        """How it began."""

    @property
    def carrier(self) -> str:
        """The carrier, if known."""

    @property
    def promised_on(self) -> date | None:
        """The day that is promised."""


class CaseCoordinator:
    """Opens, feeds and closes cases in the background, so that nothing here holds up the order."""

    def __init__(self, start: SubjectStart, known: tuple[KnownCase, ...], background: Background) -> None:
        self._start, self._background = start, background
        self._cases = {case.kind: case for case in known}
        self._wrong: dict[ExceptionKind, tuple[Finding, ...]] = {}
        self._state: SubjectState | None = None
        self._told: dict[ExceptionKind, tuple[Finding, ...]] = {}
        self._followed: dict[ExceptionKind, asyncio.Task[None]] = {}

    @property
    def cases(self) -> tuple[KnownCase, ...]:
        """The newest case of each kind."""
        return tuple(self._cases[kind] for kind in sorted(self._cases))

    @property
    def open(self) -> tuple[str, ...]:
        """Ids of the open cases."""
        return tuple(f"{self._start.key}/{case.kind}/{case.number}" for case in self.cases if case.open)

    def carried(self, findings: tuple[Finding, ...]) -> tuple[KnownCase, ...]:
        """The cases, as a later run is to know them: those of which nothing is wrong any more are closed by then."""
        wrong, subjects = {it.kind for it in findings}, {it.subject for it in findings}
        return tuple(
            case.model_copy(
                update={
                    "open": case.open and case.kind in wrong,
                    "settled": tuple(name for name in case.settled if name in subjects),
                }
            )
            for case in self.cases
        )

    def begin_again(self, state: SubjectState, findings: tuple[Finding, ...], homeward: Iterable[ReturnStart]) -> None:
        """An earlier run was lost, perhaps with work that followed from its last step. One that has handed over has
        done all of it."""
        if workflow.info().continued_run_id:
            return
        self.follow(state, findings)
        for start in homeward:
            self.bring_back(start)

    def follow(self, state: SubjectState, findings: tuple[Finding, ...]) -> None:
        """Open, feed and close cases so that they say what is wrong with the order now."""
        wrong: dict[ExceptionKind, list[Finding]] = {}
        for finding in findings:
            wrong.setdefault(finding.kind, []).append(finding)
        self._state, self._wrong = state, {kind: tuple(found) for kind, found in wrong.items()}
        for kind in sorted({*wrong, *self._cases}):
            self._follow(state, kind)

    def _follow(self, state: SubjectState, kind: ExceptionKind) -> None:
        known = self._still_settled(kind)
        findings = tuple(x for x in self._wrong.get(kind, ()) if known is None or x.subject not in known.settled)
        subjects, reported = tuple(finding.subject for finding in findings), known_cases.mark(findings)
        if known is not None and known.open:
            news = subjects != known.subjects or (
                known.reported not in (0, reported)
                and workflow.patched(FIGURES)  # runs that began before told names only
            )
            self._cases[kind] = known.model_copy(
                update={"open": bool(findings), "subjects": subjects or known.subjects, "reported": reported}
            )
            if news:
                self._background.do(lambda: self._tell(known, findings))
        elif findings:
            case = known_cases.next_case(known, kind, findings)
            self._cases[kind] = case
            self._background.do(lambda: self._open(case, findings, state))

    def _still_settled(self, kind: ExceptionKind) -> KnownCase | None:
        """The case of a kind; what people had settled and is cured now, or worse, counts as new."""
        known = self._cases.get(kind)
        if known is not None and known.settled:
            known = known_cases.still_settled(known, self._wrong.get(kind, ()))
            self._cases[kind] = known
        return known

    def _resolved(self, case: KnownCase) -> None:
        """People have resolved a case although its cause is not cured: only what else is wrong opens another one."""
        known = self._cases[case.kind]
        if (known.number, known.reopened) == (case.number, case.reopened) and known.open and self._state is not None:
            told = self._told.get(case.kind)
            subjects = case.subjects if told is None else tuple(it.subject for it in told)
            sizes = self._wrong.get(case.kind, ()) if told is None else told
            self._cases[case.kind] = known_cases.resolved(known, subjects, sizes)
            self._follow(self._state, case.kind)

    def acted(self, case: str, entry: CaseEntry) -> None:
        """Let a case know that the order has carried out an action for it."""

        async def tell() -> None:
            handle = workflow.get_external_workflow_handle(f"case/{case}")
            await _unless_ended(handle.signal("acted", entry))

        self._background.do(tell)

    def bring_back(self, start: ReturnStart) -> None:
        """Start the return of goods that a carrier brings back."""

        async def begin() -> None:
            try:
                await workflow.start_child_workflow(
                    "Return",
                    start,
                    id=start.workflow_id,
                    task_timeout=TASK_TIMEOUT,
                    parent_close_policy=ParentClosePolicy.ABANDON,
                    static_summary=f"{start.rma} of {start.order}: brought back by the carrier",
                )
            except WorkflowAlreadyStartedError:
                workflow.logger.info("return is known", extra={"rma": start.rma})

        self._background.do(begin)

    async def _open(self, case: KnownCase, findings: tuple[Finding, ...], state: SubjectState) -> None:
        start = self._start
        query = CaseQuery(kind=case.kind, order=start.key, partner=state.carrier, site=start.site, region=start.region)
        policy = await steps.case_policy(query)
        opened = _case_start(case, findings, state, policy)
        if case.reopened:
            before = await steps.case_history(opened.id)
            opened = opened.model_copy(update={"history": before.entries})
        wait = CLOSING
        while True:
            try:
                handle = await case_steps.open_case(opened)
            except WorkflowAlreadyStartedError:
                if not opened.reopened:
                    return
                await workflow.sleep(wait, summary="the case is just closing")
                wait = min(2 * wait, CLOSING_AT_MOST)
                continue
            self._told[case.kind] = findings
            self._followed[case.kind] = asyncio.create_task(self._until_ended(case, handle))
            return

    async def _until_ended(self, case: KnownCase, handle: ChildWorkflowHandle[Any, CaseOutcome]) -> None:
        """Hear at once that people have resolved a case. A later run of the order hears it when it feeds the case."""
        try:
            outcome = await handle
        except FailureError as error:
            if is_cancelled_exception(error):
                raise
            self._resolved(case)
        else:
            if outcome.state is CaseState.RESOLVED:
                self._resolved(case)

    async def _tell(self, case: KnownCase, findings: tuple[Finding, ...]) -> None:
        handle = workflow.get_external_workflow_handle(f"case/{self._start.key}/{case.kind}/{case.number}")
        if await _unless_ended(handle.signal("news", CaseNews(findings=findings, at=workflow.now()))):
            self._told[case.kind] = findings
        else:
            self._resolved(case)


def _case_start(case: KnownCase, findings: tuple[Finding, ...], state: SubjectState, policy: CasePolicy) -> CaseStart:
    start = state.start
    return CaseStart(
        order=start.key,
        kind=case.kind,
        number=case.number,
        findings=findings,
        opened_at=workflow.now(),
        policy=policy,
        site=start.site,
        region=start.region,
        carrier=state.carrier,
        priority=start.priority,
        promised_on=state.promised_on,
        reopened=case.reopened,
    )


async def _unless_ended(signal: Awaitable[None]) -> bool:
    """Whether a signal reached its workflow: a case that somebody resolved meanwhile hears nothing any more."""
    try:
        await signal
    except FailureError as error:
        if is_cancelled_exception(error):
            raise
        return False
    return True
