"""Every timeout and retry of what Temporal runs or is asked, named after the business step that it serves."""

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
"""A workflow task: Temporal's own default, stated since a step must be written within it."""
NEXT_TASK = timedelta(milliseconds=1)
"""A timer that only begins another workflow task: the shortest that the server keeps apart."""
CLOSING, CLOSING_AT_MOST = timedelta(seconds=2), timedelta(minutes=1)
"""How long a case that is just closing gets before it is reopened, at first and after many tries."""
SIGNAL_TIMEOUT = timedelta(seconds=5)
"""A signal to a workflow, or a look at whether it runs: the relay tells it again later."""
HEALTH_TIMEOUT = timedelta(seconds=1)
"""Whether Temporal answers at all: a health page waits no longer."""
HISTORY_TIMEOUT = timedelta(seconds=5)
"""A look into a history, which the next look repeats."""
RESTART_TIMEOUT = timedelta(seconds=10)
"""A call that begins, ends or tells a workflow anew: people wait for a restart, so it is patient."""
CATCH_UP = timedelta(minutes=1)
"""Scheduled runs that were missed for longer are left out: the next one compares all the same."""
GRACE = timedelta(seconds=5)
"""Time that a stopping worker gives its running activities: they are repeated elsewhere."""
