"""The cost of deciding an input, so that steps are cut by work and bytes, and not by how many inputs there are.

It depends on the input alone: a task that is repeated cuts the same steps.
"""

from typing import Any

from schemas.orders.release import MAX_LINES

OF_ITSELF = 20
"""The cost of an input that names no line, in lines: about half a millisecond against 25 µs for each line. It counts
decision, record and payloads (`make bench`, docs/performance.md)."""
MOST_PER_STEP = MAX_LINES + OF_ITSELF
"""The cost of the largest input, which has to be borne anyway: about 85 ms. Temporal ends a task whose workflow keeps
its thread for 2 s. On a busy machine a thread waits for ten times as long as it works, and collects garbage besides."""
MOST_BEFORE = 5_000
"""The cost limit of steps in runs that began before they were made smaller."""
_NAMED = ("lines", "merges", "substitutes", "promises", "received", "messages")


def cost(one: Any) -> int:
    """The cost of deciding on an input: an event, what a command asks for, or how a return has come on."""
    asked = getattr(one, "request", one)
    return OF_ITSELF + sum(len(getattr(asked, name, None) or ()) for name in _NAMED)
