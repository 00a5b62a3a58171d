"""One typed function per activity. First inside the workflow task, then, when that fails, from the queue.

A local attempt costs one history event and no queue; a regular activity costs six and brings rate limits, fairness and
patient, visible retries. Trouble is rare, so the first attempt is local and trouble goes to the queue.
"""

from collections.abc import Callable
from typing import TypeVar

from temporalio import workflow
from temporalio.common import Priority
from temporalio.exceptions import ActivityError, ApplicationError, FailureError, is_cancelled_exception

from schemas.base import Contract
from schemas.cases.cases import CaseHistory, CaseName, CaseQuery
from schemas.cases.exceptions import CasePolicy
from schemas.messaging.effects import Effect, EffectReceipt
from schemas.orders.changes import OrderViewChanged
from schemas.plurals import counted
from schemas.workflows.records import Replay, StepRecord, StepWritten
from schemas.workflows.steps import WorkflowStep
from workflows.runtime.timeouts_and_retries import EXPRESS_CALL, QUEUED_CALL, WRITE_DOWN_NOW, WRITE_DOWN_PATIENTLY

Answer = TypeVar("Answer")


async def write_step(step: WorkflowStep[StepRecord]) -> StepWritten:
    """Write a step of the order to the database."""
    view = step.record.find(OrderViewChanged)
    return await written("records.write_step", step, StepWritten, view.status if view else "")


async def case_policy(query: CaseQuery) -> CasePolicy:
    """The policy under which a case is opened; the case keeps it."""
    return await written("records.case_policy", query, CasePolicy, f"policy for {query.kind}")


async def case_history(case: str) -> CaseHistory:
    """The history of a case before it is opened again."""
    return await written("records.case_history", CaseName(id=case), CaseHistory, "history of the case")


async def replay(order: str, ids: tuple[int, ...]) -> StepWritten:
    """Bring quarantined messages back."""
    return await written("records.replay", Replay(order=order, ids=ids), StepWritten, counted(len(ids), "message"))


async def written(name: str, argument: Contract, answer: type[Answer], summary: str) -> Answer:
    """A database step: inside the workflow task, and from the queue, patiently, while the database is away."""
    try:
        now: Answer = await workflow.execute_local_activity(
            name,
            argument,
            result_type=answer,
            start_to_close_timeout=WRITE_DOWN_NOW.attempt,
            retry_policy=WRITE_DOWN_NOW.retry,
            summary=summary,
        )
    except FailureError as error:
        if is_cancelled_exception(error):
            raise
        later: Answer = await workflow.execute_activity(
            name,
            argument,
            result_type=answer,
            start_to_close_timeout=WRITE_DOWN_PATIENTLY.attempt,
            retry_policy=WRITE_DOWN_PATIENTLY.retry,
            summary=f"{summary} (database was away)",
        )
        return later
    return now


async def carry_out(effect: Effect, priority: int, queued: Callable[[Effect], None]) -> EffectReceipt:
    """Carry out an effect; `queued` hears of one that was not taken at the first attempt.

    Raises FailureError only when the system refuses by its own rule, or on cancellation.
    """
    name = f"{effect.system}.{effect.operation}"
    summary = " ".join(part for part in (effect.topic.shipment, effect.topic.milestone or effect.operation) if part)
    express = await _express(name, effect, summary)
    if not express.declined:
        return express
    queued(effect)
    receipt: EffectReceipt = await workflow.execute_activity(
        name,
        effect,
        result_type=EffectReceipt,
        task_queue=effect.system,
        start_to_close_timeout=QUEUED_CALL.attempt,
        retry_policy=QUEUED_CALL.retry,
        priority=Priority(priority_key=priority, fairness_key=effect.subject.erp),
        summary=summary,
    )
    return receipt


async def _express(name: str, effect: Effect, summary: str) -> EffectReceipt:
    """One quick attempt inside the workflow task. A time-out of the attempt itself counts as declined."""
    try:
        receipt: EffectReceipt = await workflow.execute_local_activity(
            name,
            effect,
            result_type=EffectReceipt,
            start_to_close_timeout=EXPRESS_CALL.attempt,
            retry_policy=EXPRESS_CALL.retry,
            summary=summary,
        )
    except FailureError as error:
        raised = _raised(error)
        if is_cancelled_exception(error) or (raised is not None and raised.non_retryable):
            raise
        return EffectReceipt(declined=True)
    return receipt


def origin(error: FailureError) -> str:
    """The failure origin that the activity set as the error's type."""
    raised = _raised(error)
    return (raised and raised.type) or "platform"


def reason(error: FailureError) -> str:
    """The activity's word on the error: the system and its code."""
    raised = _raised(error)
    return raised.message if raised else "cancelled or lost"


def _raised(error: FailureError) -> ApplicationError | None:
    """The error that the activity raised: a local activity's error comes bare, a queued one's wrapped in an
    ActivityError."""
    inner = error.cause if isinstance(error, ActivityError) else error
    return inner if isinstance(inner, ApplicationError) else None
