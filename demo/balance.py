"""The end of a run: everybody's stock, orders and effects are compared with ours; the balance sheet is drawn up."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from temporalio.client import Client

from gateway.schedules import run_now
from schemas.finance import AccountBalance
from schemas.reconciling import About, DifferenceView
from store import balance, comparing, finance, reconciling
from store.engine import Database

AT_ONCE = 8
SYSTEMS = ("ours", *balance.SYSTEMS)
ON_THE_WAY = "on the way"


@dataclass
class Row:
    """Packs and values of all items at a site, or on the way, as each system has them; None: it keeps no such place."""

    packs: dict[str, int | None] = field(default_factory=lambda: dict.fromkeys(SYSTEMS))
    values: defaultdict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))

    def add(self, figures: Mapping[str, Any]) -> None:
        """Add the figures of an item at a place."""
        for system in SYSTEMS:
            if figures[system] is not None:
                self.packs[system] = (self.packs[system] or 0) + figures[system]
        if figures["currency"]:
            self.values[figures["currency"]] += figures["value"]


@dataclass(frozen=True)
class Sheet:
    """The balance sheet of a run: its rows by place, the sum of them all, what each account holds by then, and what
    differs."""

    rows: dict[str, Row]
    total: Row
    accounts: tuple[AccountBalance, ...]
    differences: tuple[DifferenceView, ...]
    counts: dict[str, int]


async def compare_all(client: Client, database: Database) -> dict[str, int]:
    """Compare with every system, now that nothing moves any more: what `store.balance.balance` counts.

    Raises temporalio's WorkflowFailureError when a system cannot be compared.
    """
    async with database.connection() as connection:
        runs = await comparing.targets(connection)
    places = asyncio.Semaphore(AT_ONCE)

    async def one(number: int) -> None:
        async with places:
            await run_now(client, runs[number].model_copy(update={"at_rest": True}))

    await asyncio.gather(*(one(number) for number in range(len(runs))))
    async with database.connection() as connection:
        return await balance.balance(connection)


async def sheet(database: Database) -> Sheet:
    """The balance sheet as the last comparisons left it."""
    async with database.connection() as connection:
        figures = await balance.sheet(connection)
        found = await reconciling.listing(connection)
        accounts = [AccountBalance.model_validate(row) for row in await finance.accounts(connection)]
        counts = await balance.balance(connection)
    rows, total = by_place(figures)
    differences = tuple(it for it in found if it.about is not About.MESSAGE)
    return Sheet(rows, total, tuple(accounts), differences, counts)


def by_place(figures: Iterable[Mapping[str, Any]]) -> tuple[dict[str, Row], Row]:
    """Add the figures of items up by site, those with most packs first, and all that is on the way as the last row; and
    the sum of all."""
    rows: dict[str, Row] = {}
    total = Row()
    for it in figures:
        kind, _, which = it["place"].partition(":")
        rows.setdefault(which if kind == "site" else ON_THE_WAY, Row()).add(it)
        total.add(it)
    ordered = sorted(rows.items(), key=lambda row: (row[0] == ON_THE_WAY, -(row[1].packs["ours"] or 0), row[0]))
    return dict(ordered), total


def money(values: Mapping[str, Decimal]) -> str:
    """Amounts, each with its currency."""
    return " + ".join(f"{amount:,.2f} {currency}" for currency, amount in sorted(values.items()))
