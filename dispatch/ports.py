"""The port of workflows for the gateway and the relay, so that both run and are tested without Temporal."""

from enum import StrEnum
from typing import Any, Protocol

from dispatch.requests import CommandRecord
from schemas.orders.milestones import MilestoneEvent
from schemas.orders.release import Promise
from schemas.workflows.lifecycle import StatusAnswer
from store.messaging.heads import Provisional
from store.messaging.verdicts import First


class SignalOutcome(StrEnum):
    """The outcome of a signal. `gone`: no such workflow runs, which says nothing of its subject."""

    YES = "yes"
    AWAY = "away"
    GONE = "gone"


class Rest(StrEnum):
    """Whether a workflow has something to do that it was told. `idle`: whatever it was told, it is done with."""

    BUSY = "busy"
    IDLE = "idle"
    AWAY = "away"
    GONE = "gone"


class TaskKept(StrEnum):
    """Whether the server has kept the workflow task of a step. `lost`: it does not know the run any more."""

    YES = "yes"
    NOT_YET = "not yet"
    LOST = "lost"
    AWAY = "away"


class CommandRefused(Exception):
    """A command is refused; `reason` says why and what is possible instead, fit to be shown to the caller."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class SignalRefused(Exception):
    """Temporal does not take a signal as it is, however often it is sent; says why."""


class Handoff(Protocol):
    """Hands committed messages to workflows. Messages that it cannot hand over now go over later, by the relay."""

    async def release(self, key: str, timeout_s: float) -> Promise | None:
        """Start the workflow of order `<erp>/<number>`; its promise, or None when Temporal cannot in time.

        Doing it again for the same order answers the same promise.
        """
        ...

    async def command(self, record: CommandRecord[Any], first: First, timeout_s: float) -> bool:
        """Tell a workflow of a committed command; True: its verdict follows in the store, or stands there already.

        False: the relay signals it later. Telling it twice is harmless.
        """
        ...

    async def kept(self, step: Provisional) -> TaskKept:
        """Look into the history whether the task of a step was kept."""
        ...

    async def restart(self, key: str, actor: str, reason: str) -> str | None:
        """Begin the workflows of an order or purchase order again that do not run; what was done, in words. None when
        Temporal is away. Raises `CommandRefused`, also when all of them run."""
        ...

    async def status(self, key: str, timeout_s: float) -> StatusAnswer | None:
        """The awaited step of the order's workflow; None when it has ended or cannot be asked in time."""
        ...

    async def healthy(self) -> bool:
        """Does Temporal answer."""
        ...


class WorkflowSignals(Protocol):
    """Signals events to workflows."""

    async def milestones(self, workflow_id: str, events: list[MilestoneEvent]) -> SignalOutcome:
        """One signal with all events for an order, purchase order or return. Raises SignalRefused."""
        ...

    async def at_rest(self, workflow_id: str) -> Rest:
        """Whether a workflow has a task to do."""
        ...
