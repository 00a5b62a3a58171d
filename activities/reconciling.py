"""The activity of a reconciliation: read a system's books page by page, compare, write down what differs."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, TypeVar

from temporalio import activity

from activities.faults import as_application_error
from connectors.ports import Call, ConnectorError, StockPort, Unavailable
from domain import reconciling
from domain.parties import warehouse_partner
from domain.policies import case_policy
from domain.reconciling import Key, Known, Moved, OurOrder, Patience, UnderWay
from schemas.base import Contract, Origin, System
from schemas.cases import CaseQuery, Finding
from schemas.orders import OrderStatus
from schemas.reconciling import (
    AccountFigure,
    Comparison,
    DifferenceState,
    EffectsReport,
    ReconcileReport,
    ReconcileRun,
)
from schemas.stock import Figure
from store import comparing, finance, policies
from store import reconciling as books
from store.engine import Connection, Database

MAX_FINDINGS = 40
"""A case names so many differences; the list has all of them."""
MAX_PAGES = 1000
Page = TypeVar("Page", bound=Contract)


@dataclass(frozen=True)
class ReconcileLimits:
    """Figures of a page, and how long one call may take (seconds)."""

    page: int = 2000
    timeout_s: float = 10.0


PATIENCE, LIMITS = Patience(), ReconcileLimits()


@dataclass(frozen=True)
class ReconcileActivities:
    """Compares our books with those of others. Nothing but our own record of differences is written."""

    ports: Mapping[System, StockPort]
    database: Database
    owner: Callable[[str], str | None]
    """The ERP that owns the stock of a site, and is told of what moves there beside orders."""
    patience: Patience = PATIENCE
    limits: ReconcileLimits = LIMITS

    @activity.defn(name="reconciliation.compare")
    async def compare(self, run: ReconcileRun) -> ReconcileReport:
        """Compare with one system. Raises ApplicationError when it does not answer; the run says so."""
        if run.at_rest and self.patience.settle_s:
            return await replace(self, patience=self.patience.model_copy(update={"settle_s": 0.0})).compare(run)
        info = activity.info()
        id, now = f"{info.workflow_id}/{info.workflow_run_id}", datetime.now(UTC)
        async with self.database.connection() as connection:
            await books.begun(connection, run, id, now)
        try:
            theirs = await self._theirs(run)
        except ConnectorError as error:
            async with self.database.connection() as connection:
                await books.ended(connection, id, error=str(error)[:300])
            raise as_application_error(error) from error
        async with self.database.transaction() as connection:
            comparison = await self._compared(connection, run, theirs)
            report = await written(connection, run, comparison, self.patience, now)
            await books.ended(connection, id, report.compared, report.differences, report.explained)
        return report

    async def _theirs(self, run: ReconcileRun) -> "Theirs":
        port, call = self.ports[System(run.system)], Call(run.target, "", timeout_s=self.limits.timeout_s)
        figures: dict[str, Figure] | None = None
        if run.system != System.TMS:
            figures = await self._pages(
                lambda after: port.stock(after, self.limits.page, call),
                lambda page: {f"{figure.item} {figure.place}": figure for figure in page.figures},
            )
        orders: dict[str, str] | None = None
        if run.system == System.ERP:
            orders = await self._pages(
                lambda after: port.orders(after, self.limits.page, call),
                lambda page: {x.order: x.status for x in page.orders},
            )
        keys = await self._pages(
            lambda after: port.effects(after, self.limits.page, call),
            _numbered,
            behind=lambda name: name.rpartition(" ")[0],
        )
        accounts: dict[str, AccountFigure] | None = None
        if run.system == System.ERP:
            accounts = await self._pages(
                lambda after: port.accounts(after, self.limits.page, call),
                lambda page: {f"{x.order} {x.account} {x.currency}": x for x in page.figures},
            )
        return Theirs(
            None if figures is None else list(figures.values()),
            orders,
            None if keys is None else list(keys.values()),
            None if accounts is None else list(accounts.values()),
        )

    async def _pages(
        self,
        read: Callable[[str], Any],
        named: Callable[[Any], dict[str, Any]],
        behind: Callable[[str], str] = lambda name: name,
    ) -> dict[str, Any] | None:
        """Every page of a list by name, until one is not full or brings nothing new; None: there is no such list."""
        found: dict[str, Any] = {}
        after = ""
        for _ in range(MAX_PAGES):
            activity.heartbeat(len(found))
            page = await read(after)
            if page is None:
                return None
            fresh = named(page)
            if len(fresh) < self.limits.page or not fresh.keys() - found.keys():
                return {**found, **fresh}
            found.update(fresh)
            after = behind(list(fresh)[-1])
        raise Unavailable(Origin.PLATFORM, f"its list is longer than {MAX_PAGES * self.limits.page} figures")

    async def _compared(self, connection: Connection, run: ReconcileRun, theirs: "Theirs") -> Comparison:
        """All comparisons of a run as one."""
        found = []
        if theirs.figures is not None:
            found.append(await self._stock(connection, run, theirs.figures))
        if theirs.orders is not None or theirs.accounts is not None:
            rows = await comparing.orders(connection, run.target, self.patience.settle_s)
            if theirs.orders is not None:
                found.append(await self._statuses(connection, run.target, rows, theirs.orders))
            if theirs.accounts is not None:
                found.append(await self._money(connection, run.target, rows, theirs.accounts))
        if theirs.effects is not None:
            owed, elsewhere = await comparing.effects(connection, run)
            found.append(reconciling.effects(System(run.system), owed, theirs.effects, elsewhere))
        return Comparison(
            compared=sum(x.compared for x in found), differences=tuple(d for x in found for d in x.differences)
        )

    async def _statuses(
        self, connection: Connection, erp: str, rows: list[dict[str, Any]], theirs: Mapping[str, str]
    ) -> Comparison:
        """Orders and where they are."""
        ours = {
            row["number"]: OurOrder(
                reconciling.expected_status(OrderStatus(row["status"]), map(OrderStatus, row["told"])),
                tuple(row["owed"]),
                row["young"],
            )
            for row in rows
        }
        return reconciling.orders(ours, theirs, await comparing.waiting_releases(connection, erp))

    async def _money(
        self, connection: Connection, erp: str, rows: list[dict[str, Any]], theirs: Iterable[AccountFigure]
    ) -> Comparison:
        """What orders have in accounts."""
        owed: dict[str, list[str]] = defaultdict(list)
        for row in rows:
            owed[row["number"]] += row["owed"] or (["it has just changed"] if row["young"] else [])
        for row in await comparing.freight_owed(connection, erp):
            owed[row["number"]].append(row["key"])
        posted = await finance.by_order(connection, erp)
        ours = {(row["order"], row["account"], row["currency"]): row["amount"] for row in posted}
        return reconciling.accounts(ours, {(x.order, x.account, x.currency): x.amount for x in theirs}, owed)

    async def _figures(self, connection: Connection, run: ReconcileRun) -> list[Figure]:
        if run.system == System.WMS:
            return await comparing.figures_of_site(connection, run.target)
        if run.system == System.PLANNING:
            return await comparing.figures_of_region(connection, run.target)
        owned = [site for site in await comparing.sites(connection) if self.owner(site) == run.target]
        return await comparing.figures_of_erp(connection, run.target, owned)

    async def _stock(self, connection: Connection, run: ReconcileRun, reported: list[Figure]) -> Comparison:
        ours = reconciling.rolled_up(await self._figures(connection, run))
        theirs = reconciling.rolled_up(reported)
        if run.system == System.WMS:
            theirs = _only(theirs, lambda where: where == f"site:{run.target}")
        elif run.system == System.PLANNING:
            sites = await comparing.sites_of(connection, run.target)
            theirs = _only(theirs, lambda where: where.partition(":")[2] in sites)
        else:
            inbound = await comparing.inbound(connection)
            theirs = _only(theirs, lambda where: where not in inbound)
        differing = reconciling.differing(ours, theirs)
        items = {item for item, _ in differing}
        under_way: dict[Key, list[UnderWay]] = defaultdict(list)
        for row in await comparing.untold(connection, run):
            for key, packs in reconciling.rolled_up([Figure.model_validate(row)]).items():
                under_way[key].append(UnderWay(-packs, row["by"]))
        if run.system == System.WMS and (
            messages := await comparing.unplaced(connection, warehouse_partner(run.target))
        ):
            for key in differing:
                under_way[key].extend(UnderWay(None, name) for name in messages)
        moved: dict[Key, list[Moved]] = defaultdict(list)
        for row in await comparing.moved(connection, items, self.patience.settle_s):
            for key, packs in reconciling.rolled_up([Figure.model_validate(row)]).items():
                moved[key].append(Moved(row["key"], packs, row["young"]))
        known = Known(
            {key: tuple(x) for key, x in under_way.items()},
            {key: tuple(x) for key, x in moved.items()},
            await comparing.known_items(connection, items),
        )
        return reconciling.stock(System(run.system), ours, theirs, known)


@dataclass(frozen=True)
class Theirs:
    """What a system says. None: it offers no such list."""

    figures: list[Figure] | None
    orders: dict[str, str] | None
    effects: list[str] | None
    accounts: list[AccountFigure] | None


def _numbered(page: EffectsReport) -> dict[str, str]:
    """Keys by name; one that is there twice has two names."""
    times: Counter[str] = Counter()
    named = {}
    for key in page.keys:
        times[key] += 1
        named[f"{key} {times[key]}"] = key
    return named


def _only(figures: Counter[Key], wanted: Callable[[str], bool]) -> Counter[Key]:
    return Counter({key: packs for key, packs in figures.items() if wanted(key[1])})


async def written(
    connection: Connection, run: ReconcileRun, comparison: Comparison, patience: Patience, now: datetime
) -> ReconcileReport:
    """Write the differences down, and say which case has to know of which."""
    before, last = await books.open_ones(connection, run), await books.last_case(connection, run)
    number = (last["number"] + (not last["open"])) if last else 1
    case = f"{run.case_order}/{run.case_kind}/{number}"
    kept, raised = [], []
    for difference in comparison.differences:
        known = before.get(difference.subject)
        same = known is not None and (known["ours"], known["theirs"]) == (difference.ours, difference.theirs)
        if known and same and (known["case_state"] == "resolved" or known["state"] == DifferenceState.SETTLED):
            kept.append((difference, DifferenceState.SETTLED, known["case_id"]))
            continue
        state = reconciling.judged(difference, known["first_seen"] if known else now, now, patience)
        if state is DifferenceState.OPEN:
            raised.append(difference)
        kept.append((difference, state, case if state is DifferenceState.OPEN else None))
    await books.keep(connection, run, kept, now)
    named = sorted(reconciling.summaries(raised))[:MAX_FINDINGS]  # a case keeps them by subject too
    findings = tuple(Finding(kind=run.case_kind, subject=subject, summary=summary) for subject, summary in named)
    is_open = bool(last and last["open"])
    heard = last is not None and is_open and last["findings"] == [x.model_dump(mode="json") for x in findings]
    told = heard or (not findings and not is_open)
    rules = await policies.rules(connection, "case")
    query = CaseQuery(kind=run.case_kind, order=run.case_order)
    return ReconcileReport(
        compared=comparison.compared,
        differences=len(comparison.differences),
        explained=sum(bool(x.explained_by) for x in comparison.differences),
        waiting=sum(state is DifferenceState.WAITING for _, state, _ in kept),
        number=0 if told else number,
        findings=findings,
        told=told,
        policy=case_policy(rules, query),
    )
