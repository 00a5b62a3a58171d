"""The cases of a return: goods that are overdue, and effects that a system refused for good."""

from typing import NamedTuple

from temporalio import workflow

from domain.returns import returning
from domain.returns.return_run import ReturnRun
from domain.returns.returning import ReturnFile
from schemas.cases.cases import CaseNews, CaseStart, Finding
from schemas.cases.exceptions import ExceptionKind
from workflows.orders import return_steps
from workflows.runtime.answers import SystemAnswer
from workflows.runtime.failures import index_failure


class UnsaidFindings(NamedTuple):
    """What is wrong now, of a kind of which the case says something else."""

    kind: ExceptionKind
    findings: tuple[Finding, ...]


class ReturnCases:
    """One case of each kind: it is opened for the first findings, and told of every change."""

    def __init__(self, run: ReturnRun) -> None:
        self._rma = run.start.rma
        self._refused = {finding.subject: finding for finding in run.refused}
        self._cases = {case.kind: case for case in run.cases}
        self._said: dict[ExceptionKind, tuple[Finding, ...]] = {}

    @property
    def known(self) -> tuple[CaseStart, ...]:
        """Every case that was opened."""
        return tuple(self._cases.values())

    @property
    def refused(self) -> tuple[Finding, ...]:
        """What systems refused."""
        return tuple(self._refused.values())

    @property
    def open(self) -> list[str]:
        """Ids of the cases that say that something is wrong."""
        return [self._cases[kind].id for kind in sorted(self._cases) if self._said.get(kind)]

    def told(self, state: ReturnFile) -> None:
        """The run before this one has told the cases everything."""
        self._said = self._wrong(state)

    def refuse(self, answer: SystemAnswer) -> str:
        """Keep and index what a system refused for good; says what it was."""
        effect, origin = answer.effect, answer.origin
        what = f"{effect.system} refused {effect.operation} {effect.topic.change or ''}".rstrip()
        summary = f"return {self._rma}: {answer.refusal if answer.said else f'{what} ({origin})'}"
        self._refused[effect.key] = Finding(kind=ExceptionKind.REFUSED_EFFECT, subject=effect.key, summary=summary)
        index_failure(origin, f"{effect.system}.{effect.operation}")
        return answer.refusal if answer.said else f"{what}: {origin}"

    def unsaid(self, state: ReturnFile) -> list[UnsaidFindings]:
        """What the cases are yet to be told."""
        wrong = self._wrong(state).items()
        return [UnsaidFindings(kind, found) for kind, found in wrong if found != self._said.get(kind, ())]

    async def tell(self, state: ReturnFile, unsaid: UnsaidFindings) -> str:
        """Tell the case of a kind, or open it; says which one was opened, or nothing."""
        kind, findings = unsaid
        self._said[kind] = findings
        if kind in self._cases:
            news = CaseNews(findings=findings, at=workflow.now(), note=f"return is {state.status}")
            await return_steps.tell(self._cases[kind].workflow_id, "news", news)
            return ""
        self._cases[kind] = await return_steps.open_case(state.start, findings)
        return f"case {self._cases[kind].id} opened"

    def _wrong(self, state: ReturnFile) -> dict[ExceptionKind, tuple[Finding, ...]]:
        return {ExceptionKind.RETURN_OVERDUE: returning.overdue(state), ExceptionKind.REFUSED_EFFECT: self.refused}
