"""What messages name of master data: known as far as the gateway can say, asked for by the relay, parked while unknown.

The gateway never asks an owner: accepting a message waits for nobody. What it cannot say at once goes to the relay.
"""

from collections.abc import Callable, Iterable
from typing import Protocol

from schemas.partners.master_data import Checked, MasterName
from store.engine import Connection, Database
from store.messaging import inbox
from store.partners import master_data

Offers = Callable[[str], bool]
"""Whether an ERP answers for master data."""


class Registry(Protocol):
    """Knows what owners say of master data."""

    async def check(self, names: Iterable[MasterName]) -> Checked:
        """What the owners do not know, and what they do not answer for. May take as long as a call to a system."""
        ...

    def offers(self, owner: str) -> bool:
        """Whether an ERP answers for master data."""
        ...


class NoRegistry:
    """Nobody offers master data: messages are taken as they are."""

    async def check(self, names: Iterable[MasterName]) -> Checked:
        """Everything is known."""
        return Checked()

    def offers(self, owner: str) -> bool:
        """Nobody does."""
        return False


async def unsettled(connection: Connection, offers: Offers, names: Iterable[MasterName]) -> set[MasterName]:
    """Those names of which what is kept does not say that they are known. Nobody is asked."""
    asked = {name for name in names if offers(name.owner)}
    if not asked:
        return set()
    unknown = asked - await master_data.fresh(connection, asked)
    return unknown or await master_data.unasked_calendars(connection, asked)


async def cleared(database: Database, registry: Registry, message: inbox.Message, names: Iterable[MasterName]) -> bool:
    """Whether owners know all that a message names. If not it is parked, or left to be tried again by the relay.

    The calendars of sites and customers are asked for as well. One that its owner does not know has no days off.
    """
    asked = tuple(names)
    found = await registry.check(asked)
    if found.unknown:
        async with database.transaction() as connection:
            await master_data.park(connection, message.id, found.unknown[0])
    if found.unknown or found.unanswered:
        return False
    async with database.connection() as connection:
        calendars = await master_data.unasked_calendars(connection, asked)
    return not calendars or not (await registry.check(calendars)).unanswered
