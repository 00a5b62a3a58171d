"""One typed function per activity. First inside the workflow task, then, when that fails, from the queue.

A local attempt costs one history event and no queue; a regular activity costs six and brings rate limits, fairness and
patient, visible retries. Trouble is rare, so the first attempt is local and trouble goes to the queue.
"""

from temporalio import workflow
from temporalio.common import Priority
from temporalio.exceptions import ActivityError, ApplicationError

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
    except ActivityError:
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
    """Carry out an effect. Raises ActivityError only when the system refuses by a rule of its own."""
    name = f"{effect.system}.{effect.operation}"
    summary = " ".join(part for part in (effect.shipment, effect.milestone or effect.operation) if part)
    try:
        express: EffectReceipt = await workflow.execute_local_activity(
            name,
            effect,
            result_type=EffectReceipt,
            start_to_close_timeout=EXPRESS_CALL.attempt,
            retry_policy=EXPRESS_CALL.retry,
            summary=summary,
        )
    except ActivityError as error:
        if refused(error):
            raise
    else:
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


def refused(error: ActivityError) -> bool:
    """Whether the system understood and said no; a declined express attempt is not a refusal."""
    cause = error.cause
    return isinstance(cause, ApplicationError) and cause.non_retryable and cause.type != "express_busy"


def origin(error: ActivityError) -> str:
    """The failure origin that the activity set as the error's type."""
    return (isinstance(error.cause, ApplicationError) and error.cause.type) or "platform"


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
