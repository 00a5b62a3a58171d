"""The end of a run: everybody's stock, orders and effects are compared with ours; the balance sheet is drawn up."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from temporalio.client import Client

from dispatch.temporal.schedules import OF_BOOKS, run_now
from schemas.finance.reconciliation import About, DifferenceView
from schemas.finance.valuation import AccountBalance
from schemas.inventory.stock import StockPlace
from store.engine import Database
from store.finance import balance, comparing, reconciliation, valuation

AT_ONCE = 8
"""Comparisons at once: all systems of the demo within a few rounds."""
SYSTEMS = ("ours", *balance.SYSTEMS)
ON_THE_WAY = "on the way"


@dataclass
class BalanceRow:
    """Packs and values of all items at a site, or on the way, as each system has them; None: it keeps no such place."""

    packs: dict[str, int | None] = field(default_factory=lambda: dict.fromkeys(SYSTEMS))
    values: dict[str, defaultdict[str, Decimal]] = field(
        default_factory=lambda: {system: defaultdict(Decimal) for system in SYSTEMS}
    )
    """By system and currency, at one value of a pack: warehouses and planning keep no money."""

    def add(self, figures: Mapping[str, Any]) -> None:
        """Add the figures of an item at a place."""
        for system in SYSTEMS:
            if figures[system] is not None:
                self.packs[system] = (self.packs[system] or 0) + figures[system]
                if figures["currency"]:
                    self.values[system][figures["currency"]] += figures[system] * figures["unit"]


@dataclass(frozen=True)
class AccountTotals:
    """The amount of all orders in an account: by our ledger, and by the ERPs' own books. None: no ERP was compared."""

    account: str
    currency: str
    ours: Decimal
    erp: Decimal | None


@dataclass(frozen=True)
class Sheet:
    """The balance sheet of a run: rows by place, their sum, the accounts, the ERPs' accounts of their orders, and
    the differences. `as_of`: the oldest comparison among the figures."""

    rows: dict[str, BalanceRow]
    total: BalanceRow
    accounts: tuple[AccountBalance, ...]
    posted: tuple[AccountTotals, ...]
    differences: tuple[DifferenceView, ...]
    counts: dict[str, int]
    as_of: datetime | None


async def compare_all(client: Client, database: Database) -> dict[str, int]:
    """Compare with every system, and audit our own books, now that nothing moves any more: what
    `store.finance.balance.balance` counts.

    Raises temporalio's WorkflowFailureError when a system cannot be compared.
    """
    async with database.connection() as connection:
        runs = [*await comparing.targets(connection), OF_BOOKS]
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
        found = await reconciliation.listing(connection)
        accounts = [AccountBalance.model_validate(row) for row in await valuation.accounts(connection)]
        posted = tuple(AccountTotals(**row) for row in await balance.accounts(connection))
        counts, as_of = await balance.balance(connection), await balance.as_of(connection)
    rows, total = by_place(figures)
    differences = tuple(it for it in found if it.about not in (About.MESSAGE, About.INVOICE))
    return Sheet(rows, total, tuple(accounts), posted, differences, counts, as_of)


def by_place(figures: Iterable[Mapping[str, Any]]) -> tuple[dict[str, BalanceRow], BalanceRow]:
    """Add up items by site, those with most packs first, then all goods in transit as the last row; and the total."""
    rows: dict[str, BalanceRow] = {}
    total = BalanceRow()
    for it in figures:
        kind, which = StockPlace.parse(it["place"])
        rows.setdefault(which if kind == "site" else ON_THE_WAY, BalanceRow()).add(it)
        total.add(it)
    ordered = sorted(rows.items(), key=lambda row: (row[0] == ON_THE_WAY, -(row[1].packs["ours"] or 0), row[0]))
    return dict(ordered), total


def money(values: Mapping[str, Decimal]) -> str:
    """Amounts, each with its currency on a line of its own."""
    return "\n".join(f"{amount:,.2f} {currency}" for currency, amount in sorted(values.items()))
