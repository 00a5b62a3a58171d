"""What the gateway needs of the workflows: a port, so that it runs and is tested without Temporal."""

from typing import Any, Protocol

from gateway.requests import Answer, CommandRecord
from schemas.lifecycle import StatusAnswer
from schemas.orders import Promise


class CommandRefused(Exception):
    """The workflow refuses a command; `reason` says why and what is possible instead, fit to be shown to the caller."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Handoff(Protocol):
    """Hands committed messages to workflows. What it cannot hand over now, the relay hands over later."""

    async def release(self, key: str, timeout_s: float) -> Promise | None:
        """Start the workflow of order `<erp>/<number>` and wait for its promise; None when Temporal cannot in time.

        Doing it again for the same order answers the same promise.
        """
        ...

    async def command(self, record: CommandRecord[Any], timeout_s: float) -> Answer | None:
        """Have a committed command carried out, once however often it is handed over; the answer is then the same.

        None when Temporal cannot in time. A planner's decision is answered when the order has been told of it.
        Raises `CommandRefused`.
        """
        ...

    async def status(self, key: str, timeout_s: float) -> StatusAnswer | None:
        """What the order's workflow waits for; None when it has ended or cannot be asked in time."""
        ...

    async def healthy(self) -> bool:
        """Does Temporal answer."""
        ...
