"""One lazy timer for every deadline of a workflow: it is let fire, then looks whether the deadline has moved."""

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import NamedTuple

from temporalio import workflow


class Due(NamedTuple):
    """When something should have been heard, and what."""

    at: datetime
    awaited: str


class Watch:
    """Watches `due`. Only an earlier deadline re-arms the timer; a later one is looked at when the timer has fired, so
    that a deadline that moves with every message costs nothing."""

    def __init__(self, due: Callable[[], Due | None]) -> None:
        self._due = due
        self.passed = False

    async def run(self) -> None:
        """Watch for ever. `passed` is set when a deadline has passed; whoever looks after it sets it back."""
        while True:
            await workflow.wait_condition(lambda: self._due() is not None and not self.passed)
            await self._sleep()
            due = self._due()
            self.passed = due is not None and due.at <= workflow.now()

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
