"""A planning feed for every region, from the moment on which a site of it is known: by an order, a purchase order, the
site's owner, or people."""

import asyncio
from contextlib import suppress
from typing import Protocol

from psycopg import OperationalError

from store import planning
from store.engine import Database
from store.wake import Wake

LOOK_EVERY_S = 5.0
"""A notification that was missed costs so long."""
PAUSE_S = 0.5
"""Between two looks, however much moves."""


class Starts(Protocol):
    """Starts the feed of a region, unless it runs."""

    async def ensure_feed(self, region: str) -> None:
        """Once per process; what fails is tried again with the next look."""


async def keep_feeds(handoff: Starts, database: Database, wake: Wake) -> None:
    """Start feeds for ever. A database or Temporal that is away is waited for."""
    seen, known = -1, set[str]()
    while True:
        with suppress(OperationalError):
            async with database.connection() as connection:
                found = await (planning.regions_of_sites if known else planning.regions)(connection)
            known.update(found)
            for region in sorted(known):
                await handoff.ensure_feed(region)
        await asyncio.sleep(PAUSE_S)
        seen = await wake.wait(planning.CHANNEL, seen, LOOK_EVERY_S)
