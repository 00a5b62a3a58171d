"""A workflow that never ends: one activity, run again and again.

    started --> activity --> details page --> activity --> ... --> continue as new, and on
                   |  ^
                   +--+  failed: retried until it succeeds

What differs between singletons is a body: which activity on which queue, and what support reads of it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, Protocol, Self, TypeVar

from temporalio import workflow

from schemas.base import Contract
from workflows.runtime.timeouts_and_retries import FEED_CYCLES_PER_RUN, FEED_RUN, FEED_SILENCE


class CountedRun(Protocol):
    """The start of a singleton: its scope, and the activity runs since it began."""

    @property
    def cycles(self) -> int:
        """Activity runs since the workflow began, over continue-as-new."""

    def model_copy(self, *, update: Mapping[str, Any] | None = None) -> Self:
        """The same with other values."""


RunT = TypeVar("RunT", bound=CountedRun)
ReportT = TypeVar("ReportT", bound=Contract)


@dataclass(frozen=True)
class Singleton(Generic[RunT, ReportT]):
    """The body of a never-ending workflow.

    `activity` runs on `queue` for a while and answers with a `report` of counts. `summary` names its run in the
    Temporal UI; `page` is the details page, made of the counts since the workflow last continued as new.
    """

    activity: str
    queue: str
    report: type[ReportT]
    summary: Callable[[RunT], str]
    page: Callable[[RunT, ReportT], str]

    async def run(self, run: RunT) -> None:
        """Run the activity for ever. Raises the activity's error when that is not to be retried."""
        total = self.report()
        for _ in range(FEED_CYCLES_PER_RUN):
            total = added(total, await self._once(run))
            workflow.set_current_details(self.page(run, total))
        workflow.continue_as_new(run.model_copy(update={"cycles": run.cycles + FEED_CYCLES_PER_RUN}))

    async def _once(self, run: RunT) -> ReportT:
        report: ReportT = await workflow.execute_activity(
            self.activity,
            run,
            result_type=self.report,
            task_queue=self.queue,
            start_to_close_timeout=FEED_RUN.attempt,
            heartbeat_timeout=FEED_SILENCE,
            retry_policy=FEED_RUN.retry,
            summary=self.summary(run),
        )
        return report


def added(one: ReportT, other: ReportT) -> ReportT:
    """The sum of two reports, count by count."""
    counts = type(one).model_fields
    return type(one)(**{name: getattr(one, name) + getattr(other, name) for name in counts})
