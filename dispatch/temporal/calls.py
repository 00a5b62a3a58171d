"""Meanings of Temporal's errors: it is away, it has no such workflow, or it refuses the content."""

from collections import Counter

import structlog
from temporalio.service import RPCError, RPCStatusCode

from dispatch.ports import SignalOutcome, SignalRefused

_log = structlog.get_logger("handoff")

PASSING = frozenset(
    {
        RPCStatusCode.UNAVAILABLE,
        RPCStatusCode.DEADLINE_EXCEEDED,
        RPCStatusCode.CANCELLED,
        RPCStatusCode.ABORTED,
        RPCStatusCode.INTERNAL,
        RPCStatusCode.UNKNOWN,
        RPCStatusCode.RESOURCE_EXHAUSTED,
    }
)
"""Statuses that pass by themselves: the same call may succeed later."""
TOO_LARGE = ("larger than", "too large")
"""Words of the server and of gRPC for what is refused for its size, also under RESOURCE_EXHAUSTED."""

refusals: Counter[str] = Counter()
"""Refusals by Temporal in this process, by their reason."""


def refused(error: RPCError, what: str, about: str) -> str | None:
    """The reason why Temporal refuses a call, logged and counted; None when it may succeed later."""
    too_large = any(words in error.message for words in TOO_LARGE)
    if error.status in PASSING and not too_large:
        return None
    refusals[what] += 1
    _log.error("handoff.refused", what=what, about=about, status=error.status.name, reason=error.message[:500])
    return f"{error.status.name.lower()}: {error.message[:300]}"


def signalled(error: RPCError, about: str) -> SignalOutcome:
    """The outcome of a signal that was answered with an error. Raises SignalRefused."""
    if error.status is RPCStatusCode.NOT_FOUND:
        return SignalOutcome.GONE
    if reason := refused(error, "signal", about):
        raise SignalRefused(reason) from None
    return SignalOutcome.AWAY
