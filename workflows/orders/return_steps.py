"""What a return asks of the database and of other workflows: one typed function for each."""

from collections.abc import Iterator
from itertools import count
from typing import Any, cast

from temporalio import workflow
from temporalio.exceptions import FailureError, WorkflowAlreadyStartedError, is_cancelled_exception

from schemas.base import Contract
from schemas.cases.cases import CaseQuery, CaseStart, Finding
from schemas.cases.exceptions import ExceptionKind
from schemas.workflows.records import StepRecord, StepWritten
from schemas.workflows.returns import ReturnChanged, ReturnStart, ReturnState
from schemas.workflows.steps import WorkflowStep
from workflows.cases import case_steps
from workflows.runtime import steps

FIRST_NUMBER = {ExceptionKind.RETURN_OVERDUE: 1, ExceptionKind.REFUSED_EFFECT: 1001}
"""Where returns begin to number their cases: the order itself counts the effects refused to it from 1."""


async def authorise(start: ReturnStart) -> ReturnState:
    """Whether the goods may come back: `authorised` or `refused`, decided against what was delivered."""
    answer = cast("type[Any]", ReturnState)  # an enumeration instead of a contract
    state: ReturnState = await steps.written("records.authorise_return", start, answer, f"authorise {start.rma}")
    return state


async def write_return(step: WorkflowStep[StepRecord]) -> StepWritten:
    """Write a step of the return to the database."""
    stands = step.record.find(ReturnChanged)
    return await steps.written("records.write_return", step, StepWritten, stands.state if stands else "")


async def open_case(start: ReturnStart, findings: tuple[Finding, ...]) -> CaseStart:
    """Open a case for findings of one kind. Returns of the same order share the numbers: the next free one is taken."""
    kind = findings[0].kind
    policy = await steps.case_policy(CaseQuery(kind=kind, order=start.order, site=start.site, region=start.region))
    for number in _numbers(kind):
        case = CaseStart(
            order=start.order,
            kind=kind,
            number=number,
            findings=findings,
            opened_at=workflow.now(),
            policy=policy,
            site=start.site,
            region=start.region,
        )
        try:
            await case_steps.open_case(case)
        except WorkflowAlreadyStartedError:
            continue
        break
    return case


async def tell(workflow_id: str, signal: str, message: Contract) -> None:
    """Signal another workflow. One that has ended, or never was, hears nothing any more."""
    try:
        await workflow.get_external_workflow_handle(workflow_id).signal(signal, message)
    except FailureError as error:
        if is_cancelled_exception(error):
            raise


def _numbers(kind: ExceptionKind) -> Iterator[int]:
    return count(FIRST_NUMBER[kind])
