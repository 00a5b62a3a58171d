"""Once, in a system that takes no idempotency key: our reference stands in a field of it, and is looked for first.

The executor lets one attempt at a call be under way, and says in `Call.repeated` whether an earlier one may have
reached the system. A record that is not there is either not written, or not shown yet: lists may lag.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator

from connectors.ports import Call, Unavailable
from schemas.messaging.instructions import Accepted

FIRST_PAUSE_S = 0.25
"""Most lists are behind by less than this; each further pause is twice as long."""
LONGEST_PAUSE_S = 2.0
"""Seconds between two looks at most: an activity with its own timeout waits for them."""

Look = Callable[[], Awaitable[Accepted | None]]
Write = Callable[[], Awaitable[Accepted]]
Pause = Callable[[float], Awaitable[None]]


async def written_once(
    call: Call, look: Look, write: Write, list_lag_s: float = 0.0, pause: Pause = asyncio.sleep
) -> Accepted:
    """Write a record, unless it is there.

    Args: `look`: finds the record that bears our reference (`call.key`, or what follows from it); None when there is
    none. `write`: writes it, reference included. `list_lag_s`: seconds after which a list surely shows what was
    written: after an earlier attempt we look for so long before we write. `pause`: how to wait.
    Returns: what was written, now or before; `replayed` when it was before. Raises what both raise. After an answer
    that was lost, the record is looked for once more; it may come to light at the next attempt only.
    """
    for wait_s in (*_pauses(list_lag_s if call.repeated else 0.0), None):
        if found := await look():
            return found.model_copy(update={"replayed": True})
        if wait_s is not None:
            await pause(wait_s)
    try:
        return await write()
    except Unavailable as lost:
        found = None if lost.undone else await _glance(look)
        if found is None:
            raise
        return found


async def _glance(look: Look) -> Accepted | None:
    try:
        return await look()
    except Unavailable:  # the answer to the write says more: that one is raised
        return None


def _pauses(lag_s: float) -> Iterator[float]:
    """Pauses between looks, together as long as the lag."""
    pause_s = FIRST_PAUSE_S
    while lag_s > 0:
        yield min(pause_s, lag_s)
        lag_s -= pause_s
        pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
