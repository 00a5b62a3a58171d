"""Inventory reports and forecasts into the books, at the door and by the relay: the known at once, the rest when it is.

Both count each report and row once. So a message of which a part waits is taken in again as a whole.
"""

from collections.abc import Callable
from dataclasses import dataclass

from domain.master import named_at
from gateway.master import NoRegistry, Registry
from schemas.base import Origin
from schemas.door import Refused, admit
from schemas.forecast import ForecastBatch, ForecastTaken
from schemas.inventory import InventoryBatch, InventoryTaken
from schemas.master import MasterName
from store import erp_feed, forecast, inbox, master, planning, stock
from store.engine import Connection, Database

BULK = frozenset({inbox.INVENTORY, inbox.FORECAST})
"""The kinds of messages that are taken in here."""
WANTED_AT_ONCE = 50
Owner = Callable[[str], str | None]
"""The ERP that owns a site's stock."""
Batch = InventoryBatch | ForecastBatch


@dataclass(frozen=True)
class Brought:
    """The inbox message that brings a batch, and whose it is."""

    id: int
    partner: str


def named_in(batch: Batch, owner: Owner) -> frozenset[MasterName]:
    """The master data that a batch names."""
    rows = batch.reports if isinstance(batch, InventoryBatch) else batch.rows
    return frozenset(name for row in rows for name in named_at(owner(row.site), row.item, row.site))


async def book_inventory(
    connection: Connection, owner: Owner, by: Brought, batch: InventoryBatch, unsettled: set[MasterName]
) -> InventoryTaken:
    """Book reports, but for those that name what is unsettled; settle the message when there are none of these."""
    waiting = [it.id for it in batch.reports if not unsettled.isdisjoint(named_at(owner(it.site), it.item, it.site))]
    ready = [it for it in batch.reports if it.id not in waiting]
    owners = {it.site: erp for it in ready if (erp := owner(it.site))}
    await planning.know_owned(connection, owners)
    outcomes = await stock.take_in(connection, by.partner, ready)
    booked = [stock.move_key(by.partner, it.id) for it in outcomes if it.superseded is None]
    await erp_feed.owe_movements(connection, owner, booked)
    if not waiting:
        old = all(it.superseded for it in outcomes)
        why = "; ".join(f"{it.id}: {it.superseded}" for it in outcomes if it.superseded) or None
        await inbox.settle(connection, [by.id], "superseded" if old else "applied", [why])
    return InventoryTaken(outcomes=tuple(outcomes), waiting=tuple(waiting))


async def keep_forecast(
    connection: Connection, owner: Owner, by: Brought, batch: ForecastBatch, unsettled: set[MasterName]
) -> ForecastTaken:
    """Keep rows, but for those that name what is unsettled; settle the message if there are none. Raises `Refused`."""
    ready = tuple(x for x in batch.rows if unsettled.isdisjoint(named_at(owner(x.site), x.item, x.site)))
    waiting = len(batch.rows) - len(ready)
    taken, changed = await forecast.take_in(connection, by.partner, batch.model_copy(update={"rows": ready}))
    await erp_feed.owe_forecasts(connection, owner, changed)
    if not waiting:
        new = taken.superseded < len(batch.rows)
        reason = f"a later version is known of {taken.superseded} rows" if taken.superseded else None
        await inbox.settle(connection, [by.id], "applied" if new else "superseded", [reason])
    return taken.model_copy(update={"waiting": waiting})


class Intake:
    """The relay's part: batches of which something was unsettled at the door, and records that somebody waits for."""

    def __init__(self, database: Database, owner: Owner = lambda _: None, registry: Registry | None = None) -> None:
        self._database = database
        self._owner = owner
        self.registry = registry or NoRegistry()

    async def take(self, message: inbox.Message) -> None:
        """Take a batch in. What its ERP does not know keeps the message parked; what it does not say, waiting."""
        by = Brought(message.id, message.partner)
        inventory = message.kind == inbox.INVENTORY
        batch = admit(InventoryBatch, message.raw) if inventory else admit(ForecastBatch, message.raw)
        found = await self.registry.check(named_in(batch, self._owner))
        try:
            async with self._database.transaction() as connection:
                unsettled = {*found.unknown, *found.unanswered}
                if isinstance(batch, InventoryBatch):
                    await book_inventory(connection, self._owner, by, batch, unsettled)
                else:
                    await keep_forecast(connection, self._owner, by, batch, unsettled)
                if found.unknown:
                    await master.park(connection, message.id, found.unknown[0])
        except Refused as refused:
            async with self._database.transaction() as connection:
                await inbox.quarantine(connection, message.id, str(refused)[:500], Origin.TRANSFORMATION)

    async def look_up_wanted(self) -> None:
        """Ask for what people want to see."""
        async with self._database.connection() as connection:
            names = await master.wanted(connection, WANTED_AT_ONCE)
        if names:
            await self.registry.check(names)
