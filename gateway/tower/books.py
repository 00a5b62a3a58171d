"""The books page: what each system has and what differs, and what the ledger is worth. Pure but for `read`."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from schemas.base import System
from schemas.finance.reconciliation import DifferenceView
from schemas.finance.valuation import Account, AccountBalance, InTransitDay
from store.engine import Connection
from store.views import books
from store.views.books import ON_THE_WAY, Below, DifferenceCounts, LastComparison, LedgerValues, SiteWorth, Stand

SYSTEMS = (System.ERP, System.WMS, System.PLANNING)
"""Systems that keep books of packs; transport keeps none."""
DAYS = 14
"""Days of goods in transit that are shown."""


@dataclass(frozen=True)
class BooksRow:
    """A site, what is on the way, or all of it. A system's figure is None when it keeps no such place, or was not
    compared."""

    name: str
    ours: int
    theirs: dict[str, int | None]
    differences: int
    values: list[SiteWorth]


@dataclass(frozen=True)
class Bar:
    """Goods in transit at the end of a day; `height` in percent of the most of its currency."""

    day: date
    amount: Decimal
    packs: int
    height: float


@dataclass(frozen=True)
class BooksPage:
    """Everything on the page. `ledger` is older than the rest, and says how old; None: there is too much of it.

    `below`: places that hold less than nothing, which other systems may say too.
    """

    at: datetime
    stands: list[Stand]
    runs: list[LastComparison]
    differences: list[DifferenceView]
    counts: DifferenceCounts
    ledger: LedgerValues | None
    below: list[Below]

    @property
    def rows(self) -> list[BooksRow]:
        """Sites with most packs first, then what is on the way."""
        return [_row(it, self.runs, self.ledger.worth if self.ledger else []) for it in self.stands]

    @property
    def total(self) -> BooksRow:
        """The sum of everything."""
        return _total(self.rows)

    @property
    def unsound(self) -> int:
        """Differences that are open and that nothing explains."""
        return self.counts.open_now - self.counts.explained

    @property
    def failed(self) -> int:
        """Comparisons that could not be made."""
        return sum(1 for it in self.runs if it.error)

    @property
    def currencies(self) -> list[str]:
        """Currencies of the accounts; what has no value comes last, under no name."""
        found = {it.currency for it in self.ledger.accounts} if self.ledger else set()
        return sorted(found, key=lambda currency: (not currency, currency))

    def accounts(self, currency: str) -> list[AccountBalance]:
        """The accounts in a currency, as they stand in a balance sheet."""
        found = {it.account: it for it in self.ledger.accounts if it.currency == currency} if self.ledger else {}
        return [found[account] for account in Account if account in found]

    def bars(self, currency: str) -> list[Bar]:
        """Goods in transit in a currency, day by day."""
        if self.ledger is None:
            return []
        return bars((it for it in self.ledger.in_transit if it.currency == currency), self.ledger.as_of.date())


async def read(connection: Connection, ledger: LedgerValues | None) -> BooksPage:
    """The page, with what the ledger said a while ago."""
    return BooksPage(
        at=datetime.now(UTC),
        stands=await books.stands(connection),
        runs=await books.last_runs(connection),
        differences=await books.differences(connection),
        counts=await books.counts(connection),
        ledger=ledger,
        below=await books.below(connection),
    )


def bars(days: Iterable[InTransitDay], last: date) -> list[Bar]:
    """The days up to the last one as bars, the highest of 100 percent; none when there was nothing on any of them."""
    found = {it.day: it for it in days}
    most = max((it.amount for it in found.values()), default=Decimal())
    if most <= 0:
        return []
    shown = []
    for day in (last - timedelta(days=n) for n in reversed(range(DAYS))):
        amount, packs = (found[day].amount, found[day].packs) if day in found else (Decimal(), 0)
        shown.append(Bar(day, amount, packs, round(max(0.0, float(100 * amount / most)), 1)))
    return shown


def _row(it: Stand, runs: Iterable[LastComparison], worth: Iterable[SiteWorth]) -> BooksRow:
    sound = [run for run in runs if run.finished_at and not run.error]
    own = {System.ERP: it.erp, System.WMS: it.wms, System.PLANNING: it.planning}
    compared = {
        System.ERP: any(run.system == System.ERP for run in sound),
        System.WMS: any(run.system == System.WMS and run.target == it.site for run in sound),
        System.PLANNING: it.site != ON_THE_WAY and any(run.system == System.PLANNING for run in sound),
    }
    return BooksRow(
        name=it.site,
        ours=it.ours,
        theirs={system: it.ours + own[system] if compared[system] else None for system in SYSTEMS},
        differences=it.differences,
        values=[x for x in worth if x.site == it.site],
    )


def _total(rows: list[BooksRow]) -> BooksRow:
    sums: dict[str, Decimal] = {}
    for value in (x for row in rows for x in row.values):
        sums[value.currency] = sums.get(value.currency, Decimal()) + value.amount
    return BooksRow(
        name="All",
        ours=sum(row.ours for row in rows),
        theirs={system: _sum(row.theirs[system] for row in rows if system in keeps(row)) for system in SYSTEMS},
        differences=sum(row.differences for row in rows),
        values=[SiteWorth("", currency, amount) for currency, amount in sorted(sums.items())],
    )


def keeps(row: BooksRow) -> tuple[System, ...]:
    """Whether a system keeps this place. Warehouses know nothing of goods in transit; planning keeps those by site."""
    return SYSTEMS if row.name != ON_THE_WAY else (System.ERP,)


def _sum(figures: Iterable[int | None]) -> int | None:
    """The sum, or None when one of them is not known: part of a sum looks like a difference."""
    known = list(figures)
    return None if None in known or not known else sum(it or 0 for it in known)
