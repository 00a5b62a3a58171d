"""Master data that messages name: checked by the gateway, looked up by the relay, quarantined while unknown.

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
        """Names that owners do not know, and names that they do not answer for. May take as long as a call to a
        system."""
        ...

    def offers(self, owner: str) -> bool:
        """Whether an ERP answers for master data."""
        ...


class NoRegistry:
    """A registry without owners: messages are taken as they are."""

    async def check(self, names: Iterable[MasterName]) -> Checked:
        """Everything is known."""
        return Checked()

    def offers(self, owner: str) -> bool:
        """False: there are no owners."""
        return False


async def unsettled(connection: Connection, offers: Offers, names: Iterable[MasterName]) -> set[MasterName]:
    """Names that the kept records do not confirm. Asks nobody."""
    asked = {name for name in names if offers(name.owner)}
    if not asked:
        return set()
    unknown = asked - await master_data.fresh(connection, asked)
    return unknown or await master_data.unasked_calendars(connection, asked)


async def cleared(database: Database, registry: Registry, message: inbox.Message, names: Iterable[MasterName]) -> bool:
    """Whether owners know all names in a message. Otherwise it is quarantined, or left to the relay's next try.
    Calendars of sites and customers are looked up as well; one unknown to its owner has no days off."""
    asked = tuple(names)
    found = await registry.check(asked)
    if found.unknown:
        async with database.transaction() as connection:
            await master_data.quarantine_until_known(connection, message.id, found.unknown[0])
    if found.unknown or found.unanswered:
        return False
    async with database.connection() as connection:
        calendars = await master_data.unasked_calendars(connection, asked)
    return not calendars or not (await registry.check(calendars)).unanswered
