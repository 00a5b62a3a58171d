"""What the gateway needs of the order workflows: a port, so that it runs and is tested without Temporal."""

from typing import Protocol

from schemas.orders import CancelAnswer, CancelRequest, Promise


class CancelRefused(Exception):
    """The order's workflow refuses the cancellation; `reason` is fit to be shown to the caller."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Handoff(Protocol):
    """Hands committed messages to order workflows. What it cannot hand over now, the relay hands over later."""

    async def release(self, key: str, timeout_s: float) -> Promise | None:
        """Start the workflow of order `<erp>/<number>` and wait for its promise; None when Temporal cannot in time.

        Doing it again for the same order answers the same promise.
        """
        ...

    async def cancel(self, key: str, request: CancelRequest, timeout_s: float) -> CancelAnswer | None:
        """Ask the order's workflow to cancel; None when Temporal cannot in time. Raises `CancelRefused`."""
        ...

    async def healthy(self) -> bool:
        """Does Temporal answer."""
        ...
