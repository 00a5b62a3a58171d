"""One lazy timer for every deadline of a workflow: it is let fire, then looks whether the deadline has moved.

A deadline that passes is noted in the workflow task in which the timer fires, and acted upon in a later one, before its
inputs. Inputs that a repeat of the first task brings besides cannot get between, and change what is done.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import NamedTuple

from temporalio import workflow

from workflows.runtime.tasks import history_length
from workflows.runtime.timeouts_and_retries import NEXT_TASK


class Due(NamedTuple):
    """When something should have been heard, and what."""

    at: datetime
    awaited: str


class DeadlineTimer:
    """Watches `due`. Only an earlier deadline re-arms the timer. A later one is looked at when the timer has fired: a
    deadline that moves with every message costs nothing."""

    def __init__(self, due: Callable[[], Due | None]) -> None:
        self._due = due
        self._noted: tuple[int, datetime] | None = None
        self._watching: asyncio.Task[None] | None = None

    @property
    def passed(self) -> bool:
        """A deadline was noted in an earlier task: it is to be acted upon now."""
        return self._noted is not None and self._noted[0] < history_length()

    def take(self) -> datetime | None:
        """When the deadline that is to be acted upon was noted; None when there is none."""
        if not self.passed or self._noted is None:
            return None
        at, self._noted = self._noted[1], None
        return at

    def start(self) -> None:
        """Begin to watch."""
        self._watching = asyncio.create_task(self._run())

    def stop(self) -> None:
        """Watch no more: a timer that runs is cancelled."""
        if self._watching:
            self._watching.cancel()

    async def _run(self) -> None:
        while True:
            await workflow.wait_condition(lambda: self._due() is not None and self._noted is None)
            await self._sleep()
            due = self._due()
            if due is not None and due.at <= workflow.now():
                self._noted = (history_length(), workflow.now())
                await workflow.sleep(NEXT_TASK, summary=f"no {due.awaited} in time")
                await workflow.wait_condition(lambda: self._noted is None)

    async def _sleep(self) -> None:
        armed = self._due()
        if armed is None:
            return

        def sooner() -> bool:
            due = self._due()
            return due is not None and due.at < armed.at

        with suppress(TimeoutError):
            await workflow.wait_condition(
                sooner,
                timeout=max(0.0, (armed.at - workflow.now()).total_seconds()),
                timeout_summary=f"waiting for {armed.awaited}",
            )
