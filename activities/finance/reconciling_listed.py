"""The part of a reconciliation that compares lists which grow with history: orders, their targets, effects, accounts.

Each is compared by windows: what changed on either side, what differed, and a slice of the rest. So a pass costs the
same however long the history is, and the slices come round.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from temporalio import activity

from activities.finance import reconciling_targets
from activities.finance.reading import ListRead, Windowed
from connectors.ports import Call, StockPort
from domain.finance import reconciliation
from domain.finance.reconciliation import OurOrder, Patience
from domain.finance.windows import OVERLAP, advanced, named
from schemas.base import System
from schemas.finance.entries import AccountEntry, listed_as
from schemas.finance.reconciliation import About, AccountFigure, Comparison, Difference, ReconcileRun
from schemas.finance.windows import Plan, WindowScope
from schemas.orders.release import OrderStatus
from store.engine import Connection
from store.finance import comparing_listed, valuation, windows
from store.finance import reconciliation as books

SYSTEMS = {
    About.ORDER: (System.ERP,),
    About.TARGET: (System.ERP, System.WMS, System.TMS),
    About.EFFECT: tuple(System),
    About.ACCOUNT: (System.ERP,),
}
"""The systems that keep each list."""


@dataclass(frozen=True)
class ReconcileLimits:
    """Entries of a page, pages of a slice, and how long one call may take (seconds). Of targets there are fewer to a
    page: 2,000 lines of each of 100 orders are some 10 MB.

    A slice of 20,000 entries, every 15 minutes, is 1.9 million a day; 10,000 orders with their targets, 960,000.
    """

    page: int = 2000
    pages: int = 10
    targets_page: int = 100
    targets_pages: int = 100
    timeout_s: float = 10.0


def lists(port: StockPort, call: Call, limits: ReconcileLimits) -> dict[About, Windowed]:
    """The lists of a system."""
    page, pages = limits.page, limits.pages
    return {
        About.ORDER: Windowed(
            lambda after, limit, since: port.orders(after, limit, call, since),
            lambda said: ((x.order, x.status) for x in said.orders),
            page,
            pages,
        ),
        About.TARGET: Windowed(
            lambda after, limit, since: port.targets(after, limit, call, since),
            lambda said: ((x.order, x) for x in said.orders),
            limits.targets_page,
            limits.targets_pages,
        ),
        About.EFFECT: Windowed(
            lambda after, limit, since: port.effects(after, limit, call, since),
            lambda said: ((key, key) for key in said.keys),
            page,
            pages,
        ),
        About.ACCOUNT: Windowed(
            lambda after, limit, since: port.accounts(after, limit, call, since),
            lambda said: ((f"{x.order} {x.account} {x.currency}", x) for x in said.figures),
            page,
            pages,
        ),
    }


async def planned(connection: Connection, run: ReconcileRun, limits: ReconcileLimits) -> dict[About, Plan]:
    """The part of each list that a run is to read: all of it when nothing moves any more, else its windows."""
    if run.at_rest:
        return {about: Plan(whole=True) for about in SYSTEMS}
    differed, found = await books.differences(connection, run), {}
    for about, mark in (await windows.marks(connection, run)).items():
        most = limits.page * limits.pages
        changed = await windows.changed(connection, run, about, mark.seen_at - OVERLAP, most)
        if len(changed) >= most:
            activity.logger.warning("we changed more than a pass looks for: the rest waits for its slice")
        listed = f"{mark.listed_at - OVERLAP:%Y-%m-%dT%H:%M:%S.%fZ}" if mark.listed_at else ""
        found[about] = Plan(mark.behind, listed, changed, named(differed, about))
    return found


async def read(
    all_of: Mapping[About, Windowed], run: ReconcileRun, plans: Mapping[About, Plan]
) -> dict[About, ListRead]:
    """A system's answers, of each list that it has."""
    found = {}
    for about, systems in SYSTEMS.items():
        if run.system in systems and (said := await all_of[about].pass_over(plans.get(about, Plan()))):
            found[about] = said
    return found


async def compared(
    connection: Connection,
    run: ReconcileRun,
    found: Mapping[About, ListRead],
    limits: ReconcileLimits,
    patience: Patience,
    now: datetime,
) -> list[Comparison]:
    """Compare, each list in its scope; what differed outside of it stays as it was.

    The next run goes on from here, when the transaction is committed.
    """
    scopes = {about: await _scope(connection, run, about, said.scope, limits) for about, said in found.items()}
    theirs = {
        about: {name: x for name, x in said.entries.items() if scopes[about].covers(name)}
        for about, said in found.items()
    }
    kinds = {About.ORDER: _statuses, About.ACCOUNT: _money, About.EFFECT: _effects}
    parts = [await kinds[x](connection, run, scopes[x], theirs[x], patience) for x in kinds if x in found]
    if About.TARGET in found:
        figures = {name: x[-1] for name, x in theirs[About.TARGET].items()}
        beside = About.ORDER in found
        parts.append(
            await reconciling_targets.compared(connection, run, scopes[About.TARGET], figures, patience, beside)
        )
    before = await books.differences(connection, run)
    parts.append(Comparison(differences=tuple(x for x in before if _stays(x, scopes))))
    marks = await windows.marks(connection, run)
    reached = {x: advanced(marks.get(x), scopes[x], now, said.as_of) for x, said in found.items()}
    await windows.advance(connection, run, reached)
    return parts


async def _scope(
    connection: Connection, run: ReconcileRun, about: About, scope: WindowScope, limits: ReconcileLimits
) -> WindowScope:
    """A slice that has no more of ours than of theirs."""
    if run.at_rest:
        return scope
    size = limits.targets_page * limits.targets_pages if about is About.TARGET else limits.page * limits.pages
    return scope.until(await windows.end(connection, run, about, scope.after, size))


def _stays(difference: Difference, scopes: Mapping[About, WindowScope]) -> bool:
    scope = scopes.get(difference.about)
    return scope is not None and not scope.covers(listed_as(difference))


async def _statuses(
    connection: Connection, run: ReconcileRun, scope: WindowScope, theirs: Mapping[str, list[Any]], patience: Patience
) -> Comparison:
    """Orders and where they are."""
    rows = await comparing_listed.orders(connection, run.target, scope, scope.names, patience.settle_s)
    ours = {
        row["number"]: OurOrder(
            reconciliation.expected_status(OrderStatus(row["status"]), map(OrderStatus, row["told"])),
            tuple(row["owed"]),
            row["young"],
        )
        for row in rows
        if scope.covers(row["number"])
    }
    waiting = await comparing_listed.waiting_releases(connection, run.target)
    return reconciliation.orders(ours, {number: x[-1] for number, x in theirs.items()}, waiting)


async def _money(
    connection: Connection, run: ReconcileRun, scope: WindowScope, theirs: Mapping[str, list[Any]], patience: Patience
) -> Comparison:
    """Orders' amounts in accounts."""
    numbers = {AccountEntry.parse(name).order for name in scope.names}
    rows = await comparing_listed.orders(connection, run.target, scope, numbers, patience.settle_s)
    owed: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        owed[row["number"]] += row["owed"] or (["it has just changed"] if row["young"] else [])
    for row in await comparing_listed.freight_owed(connection, run.target):
        owed[row["number"]].append(row["key"])
    posted = await valuation.of_refs(connection, run.target, [row["key"] for row in rows])
    ours = {
        (x["order"], x["account"], x["currency"]): x["amount"]
        for x in posted
        if scope.covers(str(AccountEntry(x["order"], x["account"], x["currency"])))
    }
    figures: Iterable[AccountFigure] = (x[-1] for x in theirs.values())
    return reconciliation.accounts(ours, {(x.order, x.account, x.currency): x.amount for x in figures}, owed)


async def _effects(
    connection: Connection, run: ReconcileRun, scope: WindowScope, theirs: Mapping[str, list[Any]], _: Patience
) -> Comparison:
    """Executed effects."""
    owed, elsewhere = await comparing_listed.effects(connection, run, scope)
    keys = [key for listed in theirs.values() for key in listed]
    return reconciliation.effects(System(run.system), owed, keys, elsewhere)
