"""One typed function per activity. First inside the workflow task, then, when that fails, from the queue.

A local attempt costs one history event and no queue; a regular activity costs six and brings rate limits, fairness and
patient, visible retries. Trouble is rare, so the first attempt is local and trouble goes to the queue.
"""

from temporalio import workflow
from temporalio.common import Priority
from temporalio.exceptions import ActivityError, ApplicationError, FailureError, is_cancelled_exception

from schemas.effects import Effect, EffectReceipt
from schemas.feeds import FeedReport, FeedRun
from schemas.records import StepRecord, Written
from workflows.policies import EXPRESS_CALL, FEED_RUN, FEED_SILENCE, QUEUED_CALL, WRITE_DOWN_NOW, WRITE_DOWN_PATIENTLY


async def write_step(record: StepRecord) -> Written:
    """Write a step of the order to the database."""
    try:
        now: Written = await workflow.execute_local_activity(
            "records.write_step",
            record,
            result_type=Written,
            start_to_close_timeout=WRITE_DOWN_NOW.attempt,
            retry_policy=WRITE_DOWN_NOW.retry,
            summary=record.status,
        )
    except FailureError as error:
        if is_cancelled_exception(error):
            raise
        later: Written = await workflow.execute_activity(
            "records.write_step",
            record,
            result_type=Written,
            start_to_close_timeout=WRITE_DOWN_PATIENTLY.attempt,
            retry_policy=WRITE_DOWN_PATIENTLY.retry,
            summary=f"{record.status} (database was away)",
        )
        return later
    return now


async def carry_out(effect: Effect, priority: int) -> EffectReceipt:
    """Carry out an effect. Raises FailureError only when the system refuses by its own rule, or on cancellation."""
    name = f"{effect.system}.{effect.operation}"
    summary = " ".join(part for part in (effect.shipment, effect.milestone or effect.operation) if part)
    express = await _express(name, effect, summary)
    if not express.declined:
        return express
    queued: EffectReceipt = await workflow.execute_activity(
        name,
        effect,
        result_type=EffectReceipt,
        task_queue=effect.system,
        start_to_close_timeout=QUEUED_CALL.attempt,
        retry_policy=QUEUED_CALL.retry,
        priority=Priority(priority_key=priority, fairness_key=effect.order.split("/", 1)[0]),
        summary=summary,
    )
    return queued


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


def _raised(error: FailureError) -> ApplicationError | None:
    """What the activity raised: a local activity's error comes bare, a queued one's wrapped in an ActivityError."""
    inner = error.cause if isinstance(error, ActivityError) else error
    return inner if isinstance(inner, ApplicationError) else None


async def feed_planning(run: FeedRun) -> FeedReport:
    """Send movements to planning for a while."""
    report: FeedReport = await workflow.execute_activity(
        "planning.feed",
        run,
        result_type=FeedReport,
        task_queue="planning",
        start_to_close_timeout=FEED_RUN.attempt,
        heartbeat_timeout=FEED_SILENCE,
        retry_policy=FEED_RUN.retry,
        summary=f"movements of {run.region}",
    )
    return report
