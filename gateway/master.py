"""What messages name of master data: known as far as the gateway can say, asked for by the relay, parked while unknown.

The gateway never asks an owner: accepting a message waits for nobody. What it cannot say at once goes to the relay.
"""

from collections.abc import Iterable
from typing import Protocol

from schemas.master import Checked, MasterName
from schemas.settings import Settings
from store import inbox, master
from store.engine import Connection, Database


class Registry(Protocol):
    """Knows what owners say of master data."""

    async def check(self, names: Iterable[MasterName]) -> Checked:
        """What the owners do not know, and what they do not answer for. May take as long as a call to a system."""
        ...


class NoRegistry:
    """Nobody offers master data: messages are taken as they are."""

    async def check(self, names: Iterable[MasterName]) -> Checked:
        """Everything is known."""
        return Checked()


async def unsettled(connection: Connection, config: Settings, names: Iterable[MasterName]) -> set[MasterName]:
    """Those names of which what is kept does not say that they are known. Nobody is asked."""
    asked = {name for name in names if config.offers_master_data(name.owner)}
    return asked - await master.fresh(connection, asked) if asked else set()


async def cleared(database: Database, registry: Registry, message: inbox.Message, names: Iterable[MasterName]) -> bool:
    """Whether owners know all that a message names. If not it is parked, or left to be tried again by the relay."""
    found = await registry.check(names)
    if found.unknown:
        async with database.transaction() as connection:
            await master.park(connection, message.id, found.unknown[0])
    return not found.unknown and not found.unanswered
