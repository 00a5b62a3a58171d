"""Every timeout and retry, named after the business step that it serves."""

from dataclasses import dataclass
from datetime import timedelta

from temporalio.common import RetryPolicy


@dataclass(frozen=True)
class StepPolicy:
    """How long one attempt may take, and how attempts are repeated."""

    attempt: timedelta
    retry: RetryPolicy


WRITE_DOWN_NOW = StepPolicy(
    timedelta(seconds=5), RetryPolicy(maximum_attempts=2, initial_interval=timedelta(seconds=0.2))
)
"""A database step, inside the workflow task."""
WRITE_DOWN_PATIENTLY = StepPolicy(timedelta(seconds=20), RetryPolicy(maximum_interval=timedelta(seconds=5)))
"""The same step from the queue, while the database is away: for ever, at least every five seconds."""
EXPRESS_CALL = StepPolicy(timedelta(seconds=3), RetryPolicy(maximum_attempts=1))
"""The first attempt of an effect, inside the workflow task. The connector gives up earlier (`express_timeout_s`)."""
QUEUED_CALL = StepPolicy(
    timedelta(seconds=15),
    RetryPolicy(
        initial_interval=timedelta(seconds=0.5), backoff_coefficient=2.0, maximum_interval=timedelta(seconds=20)
    ),
)
"""An effect from its system's queue: for ever; a dead system is waited for, a refusal ends it at once."""
FEED_RUN = StepPolicy(
    timedelta(minutes=30),
    RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(seconds=10)),
)
"""A run of the planning feed. It heartbeats, so a dead worker is noticed within FEED_SILENCE."""
FEED_SILENCE = timedelta(seconds=20)
FEED_CYCLES_PER_RUN = 500
"""Activity runs after which the feed's workflow continues as new."""
RECONCILE = StepPolicy(
    timedelta(minutes=10),
    RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(seconds=20), maximum_attempts=4),
)
"""A comparison: given up when the system is away, as the next run of the schedule compares again."""
RECONCILE_SILENCE = timedelta(seconds=60)
TASK_TIMEOUT = timedelta(seconds=10)
