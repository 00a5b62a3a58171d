"""Inventory reports and forecasts into the books, by gateway and relay: the known at once, the rest when it is.

Both count each report and row once. So a message of which a part waits is taken in again as a whole.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from dispatch.partners import measuring
from dispatch.partners.master_data import NoRegistry, Registry
from dispatch.partners.measuring import Owner, Unmeasured
from domain.partners.master_data import named_at
from schemas.base import Contract, Origin
from schemas.inventory.reports import InventoryTaken, SentBatch
from schemas.parsing import InvalidMessage, check, parse_json, parse_strict
from schemas.partners.master_data import MasterName
from schemas.planning.demand import (
    MAX_FINDINGS,
    MAX_SIGNALS,
    BatchId,
    DemandBatch,
    DemandSignal,
    DemandTaken,
    Numbered,
    RefusedSignal,
)
from schemas.planning.forecast import ForecastBatch, ForecastTaken
from store.engine import Connection, Database
from store.finance import erp_feed
from store.inventory import stock
from store.messaging import inbox, quarantine
from store.partners import master_data
from store.planning import demand, forecast, site_regions

BULK = frozenset({inbox.INVENTORY, inbox.FORECAST, inbox.DEMAND})
"""The kinds of messages that are taken in here."""
WANTED_AT_ONCE = 50
"""Records looked up in one sweep: owners are asked in parallel, within their limits."""


class Named(Contract):
    """A batch without its rows."""

    id: BatchId


class DemandFigures(NamedTuple):
    """A batch of demand signals: the rows that make sense, and those that do not."""

    id: str
    rows: list[Numbered]
    refused: list[RefusedSignal]


Batch = SentBatch | ForecastBatch | DemandFigures


@dataclass(frozen=True)
class Brought:
    """The inbox message that brings a batch, and whose it is."""

    id: int
    partner: str


def named_in(batch: Batch, owner: Owner) -> frozenset[MasterName]:
    """The master data that a batch names."""
    if isinstance(batch, DemandFigures):
        return frozenset(name for _, row in batch.rows for name in named_at(owner(row.site), row.item, row.site))
    rows = batch.reports if isinstance(batch, SentBatch) else batch.rows
    return frozenset(name for row in rows for name in named_at(owner(row.site), row.item, row.site))


async def record_inventory(
    connection: Connection, owner: Owner, by: Brought, batch: SentBatch, unsettled: set[MasterName]
) -> InventoryTaken:
    """Book reports, but for those that name what is unsettled; settle the message when there are none of these. Raises
    `Unmeasured`."""
    waiting = [it.id for it in batch.reports if not unsettled.isdisjoint(named_at(owner(it.site), it.item, it.site))]
    sent = [(n, it) for n, it in enumerate(batch.reports) if it.id not in waiting]
    ready = await measuring.reports(connection, owner, sent)
    owners = {it.site: erp for it in ready if (erp := owner(it.site))}
    await site_regions.know_owned(connection, owners)
    outcomes = await stock.take_in(connection, by.partner, ready)
    reasons = {it.id: it.reason for it in ready}
    booked = {stock.move_key(by.partner, it.id): reasons[it.id] or "" for it in outcomes if it.superseded is None}
    await erp_feed.owe_movements(connection, owner, booked)
    if not waiting:
        old = all(it.superseded for it in outcomes)
        why = "; ".join(f"{it.id}: {it.superseded}" for it in outcomes if it.superseded) or None
        await inbox.settle_messages(connection, [by.id], "superseded" if old else "applied", [why])
    return InventoryTaken(outcomes=tuple(outcomes), waiting=tuple(waiting))


async def keep_forecast(
    connection: Connection, owner: Owner, by: Brought, batch: ForecastBatch, unsettled: set[MasterName]
) -> ForecastTaken:
    """Keep rows, but for those that name what is unsettled; settle the message if there are none. Raises
    `InvalidMessage`."""
    ready = tuple(x for x in batch.rows if unsettled.isdisjoint(named_at(owner(x.site), x.item, x.site)))
    waiting = len(batch.rows) - len(ready)
    taken, changed = await forecast.take_in(connection, by.partner, batch.model_copy(update={"rows": ready}))
    await erp_feed.owe_forecasts(connection, owner, changed)
    if not waiting:
        new = taken.superseded < len(batch.rows)
        reason = f"a later version is known of {taken.superseded} rows" if taken.superseded else None
        await inbox.settle_messages(connection, [by.id], "applied" if new else "superseded", [reason])
    return taken.model_copy(update={"waiting": waiting})


def read_signals(raw: bytes) -> DemandFigures:
    """A batch of demand signals, each row checked for itself. Raises `InvalidMessage` when none makes sense."""
    try:
        batch = parse_strict(DemandBatch, raw)
        return DemandFigures(batch.id, [Numbered(n, row) for n, row in enumerate(batch.rows)], [])
    except InvalidMessage as wrong:
        said = parse_json(raw)
        rows = said.pop("rows", None) if isinstance(said, dict) else None
        if not isinstance(rows, list) or len(rows) > MAX_SIGNALS:
            raise
        signals = DemandFigures(check(Named, said).id, [], [])
        for n, row in enumerate(rows):
            try:
                signals.rows.append(Numbered(n, check(DemandSignal, row)))
            except InvalidMessage as refused:
                signals.refused.append(RefusedSignal(row=n, **refused.findings[0]))
        if not signals.rows:
            raise wrong from None
        return signals


READ: dict[str, Callable[[bytes], Batch]] = {
    inbox.INVENTORY: partial(parse_strict, SentBatch),
    inbox.FORECAST: partial(parse_strict, ForecastBatch),
    inbox.DEMAND: read_signals,
}
"""Parsers by the kind of message."""


async def keep_demand(
    connection: Connection, owner: Owner, by: Brought, signals: DemandFigures, unsettled: set[MasterName]
) -> DemandTaken:
    """Keep rows, but for those that name what is unsettled; settle the message if there are none."""
    ready = [x for x in signals.rows if unsettled.isdisjoint(named_at(owner(x.row.site), x.row.item, x.row.site))]
    waiting = len(signals.rows) - len(ready)
    taken = await demand.take_in(connection, by.partner, ready)
    refused = sorted([*signals.refused, *taken.refused], key=lambda it: it.row)
    if not waiting:
        new = taken.changed + taken.unchanged
        reason = f"{len(refused)} rows were refused, {taken.superseded} superseded"
        state = "applied" if new or not taken.superseded else "superseded"
        await inbox.settle_messages(connection, [by.id], state, [reason if refused or taken.superseded else None])
    return DemandTaken(
        id=signals.id,
        changed=taken.changed,
        unchanged=taken.unchanged,
        superseded=taken.superseded,
        waiting=waiting,
        refused=len(refused),
        findings=tuple(refused[:MAX_FINDINGS]),
    )


class Intake:
    """The relay's part: batches that the gateway left unsettled, and records that somebody waits for."""

    def __init__(self, database: Database, owner: Owner = lambda _: None, registry: Registry | None = None) -> None:
        self._database = database
        self._owner = owner
        self.registry = registry or NoRegistry()

    async def take(self, message: inbox.Message) -> None:
        """Take a batch in. An item that its ERP does not know keeps the message quarantined; one without an answer,
        waiting."""
        by = Brought(message.id, message.partner)
        batch = READ[message.kind](message.raw)
        found = await self.registry.check(named_in(batch, self._owner))
        try:
            async with self._database.transaction() as connection:
                unsettled = {*found.unknown, *found.unanswered}
                if isinstance(batch, SentBatch):
                    await record_inventory(connection, self._owner, by, batch, unsettled)
                elif isinstance(batch, DemandFigures):
                    await keep_demand(connection, self._owner, by, batch, unsettled)
                else:
                    await keep_forecast(connection, self._owner, by, batch, unsettled)
                if found.unknown:
                    await master_data.quarantine_until_known(connection, message.id, found.unknown[0])
        except InvalidMessage as refused:
            async with self._database.transaction() as connection:
                waiting_for = refused.waiting_for if isinstance(refused, Unmeasured) else None
                said = str(refused)[:500]
                await quarantine.put(connection, message.id, said, Origin.TRANSFORMATION, waiting_for)

    async def look_up_wanted(self) -> None:
        """Ask for what people want to see."""
        async with self._database.connection() as connection:
            names = await master_data.wanted(connection, WANTED_AT_ONCE)
        if names:
            await self.registry.check(names)
