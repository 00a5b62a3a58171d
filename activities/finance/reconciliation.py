"""The activity of a reconciliation: read a system's books page by page, compare, write down what differs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from temporalio import activity

from activities.execution.faults import as_application_error
from activities.finance import reconciling_demand, reconciling_listed, reconciling_stock
from activities.finance.reading import ListRead, everything
from activities.finance.reconciling_listed import ReconcileLimits
from connectors.ports import Call, ConnectorError, StockPort
from domain.cases.escalation_policies import case_policy
from domain.finance import reconciliation
from domain.finance.reconciliation import Patience
from schemas.base import System
from schemas.cases.cases import CaseQuery, Finding
from schemas.finance.reconciliation import (
    About,
    Comparison,
    DemandFigure,
    DifferenceState,
    ReconcileReport,
    ReconcileRun,
)
from schemas.finance.windows import Plan
from schemas.inventory.stock import Figure
from store.cases import policies
from store.engine import Connection, Database
from store.finance import carried
from store.finance import reconciliation as books

MAX_FINDINGS = 40
"""A case names so many differences; the list has all of them."""
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
            plans = await reconciling_listed.planned(connection, run, self.limits)
        async with self.database.transaction() as connection:
            await carried.forward(connection)
        try:
            theirs = await self._theirs(run, plans)
        except ConnectorError as error:
            async with self.database.connection() as connection:
                await books.ended(connection, id, error=str(error)[:300])
            raise as_application_error(error) from error
        async with self.database.transaction() as connection:
            comparison = await self._compared(connection, run, theirs, now)
            report = await written(connection, run, comparison, self.patience, now)
            counts = (report.compared, report.differences, report.explained)
            await books.ended(connection, id, *counts)
        return report

    async def _theirs(self, run: ReconcileRun, plans: Mapping[About, Plan]) -> "Theirs":
        port, call, page = self.ports[System(run.system)], self._call(run), self.limits.page
        figures: list[Figure] | None = None
        if run.system != System.TMS:
            figures = await everything(
                lambda after: port.stock(after, page, call),
                lambda said: {f"{figure.item} {figure.place}": figure for figure in said.figures},
                page,
            )
        listed = await reconciling_listed.read(reconciling_listed.lists(port, call, self.limits), run, plans)
        demand: list[DemandFigure] | None = None
        if run.system == System.PLANNING:
            demand = await everything(
                lambda after: port.demand(after, page, call),
                lambda said: {f"{x.item} {x.site}": x for x in said.figures},
                page,
            )
        return Theirs(figures, listed, demand)

    def _call(self, run: ReconcileRun) -> Call:
        return Call(run.target, "", timeout_s=self.limits.timeout_s)

    async def _compared(self, connection: Connection, run: ReconcileRun, theirs: "Theirs", now: datetime) -> Comparison:
        """All comparisons of a run as one."""
        found = []
        if theirs.figures is not None:
            found.append(await reconciling_stock.compared(connection, run, theirs.figures, self.owner, self.patience))
        if theirs.demand is not None:
            found.append(await reconciling_demand.compared(connection, run, theirs.demand, self.patience))
        found += await reconciling_listed.compared(connection, run, theirs.listed, self.limits, self.patience, now)
        return reconciliation.joined(found)


@dataclass(frozen=True)
class Theirs:
    """A system's answer. None, or not among those `listed`: it offers no such list."""

    figures: list[Figure] | None
    listed: dict[About, ListRead]
    demand: list[DemandFigure] | None


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
        state = reconciliation.judged(difference, known["first_seen"] if known else now, now, patience)
        if state is DifferenceState.OPEN:
            raised.append(difference)
        kept.append((difference, state, case if state is DifferenceState.OPEN else None))
    await books.keep(connection, run, kept, now)
    named = sorted(reconciliation.summaries(raised))[:MAX_FINDINGS]  # a case keeps them by subject too
    findings = tuple(Finding(kind=run.case_kind, subject=subject, summary=summary) for subject, summary in named)
    is_open = bool(last and last["open"])
    heard = last is not None and is_open and last["findings"] == [x.model_dump(mode="json") for x in findings]
    reported = heard or (not findings and not is_open)
    rules = await policies.rules(connection, "case")
    query = CaseQuery(kind=run.case_kind, order=run.case_order)
    return ReconcileReport(
        compared=comparison.compared,
        differences=len(comparison.differences),
        explained=sum(bool(x.explained_by) for x in comparison.differences),
        waiting=sum(state is DifferenceState.WAITING for _, state, _ in kept),
        number=0 if reported else number,
        findings=findings,
        reported=reported,
        policy=case_policy(rules, query),
    )
