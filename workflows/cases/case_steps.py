"""The start of an exception case, and the writing of its steps."""

from typing import Any

from temporalio import workflow
from temporalio.common import Priority, WorkflowIDReusePolicy
from temporalio.workflow import ChildWorkflowHandle, ParentClosePolicy

from schemas.cases.cases import CaseOutcome, CaseRecord, CaseStart
from schemas.workflows.records import StepWritten
from schemas.workflows.steps import WorkflowStep
from workflows.runtime import steps
from workflows.runtime.timeouts_and_retries import TASK_TIMEOUT


async def open_case(start: CaseStart) -> ChildWorkflowHandle[Any, CaseOutcome]:
    """Start the case's workflow, which goes on when the one that opened it ends. The handle gives its outcome.

    Raises WorkflowAlreadyStartedError when there has been a case of this number; one that is opened again, when it has
    not ended yet.
    """
    reuse = WorkflowIDReusePolicy
    return await workflow.start_child_workflow(
        "ExceptionCase",
        start,
        id=start.workflow_id,
        result_type=CaseOutcome,
        task_timeout=TASK_TIMEOUT,
        parent_close_policy=ParentClosePolicy.ABANDON,
        id_reuse_policy=reuse.ALLOW_DUPLICATE if start.reopened else reuse.REJECT_DUPLICATE,
        priority=Priority(priority_key=start.priority),
        static_summary=f"{start.kind} on order {start.order}",
        static_details="; ".join(finding.summary for finding in start.findings),
    )


async def write_case(step: WorkflowStep[CaseRecord]) -> StepWritten:
    """Write a step of the case to the database."""
    return await steps.written("records.write_case", step, StepWritten, f"{step.record.state}, tier {step.record.tier}")
