"""The express gate of one system: a limit on calls that skip the queue, and a circuit that opens when the system fails.

The first attempt of an effect runs inside the workflow task (a local activity): no queue, a third of the history. That
is only good while the system answers quickly. The gate declines when too many calls are under way, when one order
source exceeds its share, or when the system has just failed. The effect then takes the system's task queue, with its
rate limit, priority, fairness and patient retries.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from connectors.ports import Unavailable

FAILURES_TO_OPEN = 3
"""Failures in a row that open the circuit: one may be chance."""
OPEN_FOR_S = 5.0
"""Seconds that the circuit stays open before a call tries again."""


@dataclass
class Gate:
    """Admission for express calls. `share`: the most that one source (the ERP an order came from) may hold at once."""

    system: str
    limit: int = 16
    share: int = 12
    clock: Callable[[], float] = time.monotonic
    _held: Counter[str] = field(default_factory=Counter)
    _failures: int = 0
    _closed_until: float = 0.0

    @contextmanager
    def admit(self, source: str) -> Iterator[bool]:
        """Hold a place for one express call, if there is one."""
        shut = self.clock() < self._closed_until
        if shut or self._held.total() >= self.limit or self._held[source] >= self.share:
            yield False
            return
        self._held[source] += 1
        try:
            yield True
        finally:
            self._held[source] -= 1

    def failed(self, error: Unavailable) -> None:
        """The system did not answer, on either lane. Enough of that in a row shuts the gate for a while."""
        self._failures += 1
        shut_for_s = OPEN_FOR_S if self._failures >= FAILURES_TO_OPEN else 0.0
        self._closed_until = max(self._closed_until, self.clock() + max(shut_for_s, error.retry_after_s or 0.0))

    def succeeded(self) -> None:
        """The system answered: the count of failures starts again."""
        self._failures = 0
