"""The activity that compares freight invoices with what was accrued: what does not fit becomes a case."""

from dataclasses import dataclass
from datetime import UTC, datetime

from temporalio import activity

from activities.finance.reconciliation import written
from domain.finance import freight as rules
from domain.finance.reconciliation import Patience
from schemas.finance.reconciliation import ReconcileReport, ReconcileRun
from store.engine import Database
from store.finance import freight
from store.finance import reconciliation as books


@dataclass(frozen=True)
class FreightActivities:
    """Looks at the freight invoices of an ERP's orders. An invoice stays different until people resolve its case."""

    database: Database

    @activity.defn(name="reconciliation.freight")
    async def freight(self, run: ReconcileRun) -> ReconcileReport:
        """Compare once. Nothing is under way between an invoice and its accrual, so no second look is waited for."""
        info, now = activity.info(), datetime.now(UTC)
        id = f"{info.workflow_id}/{info.workflow_run_id}"
        async with self.database.transaction() as connection:
            await books.begun(connection, run, id, now)
            invoiced = [
                rules.FreightInvoiced.model_validate(row) for row in await freight.invoiced(connection, run.target)
            ]
            report = await written(connection, run, rules.invoices(invoiced), Patience(settle_s=0.0), now)
            await books.ended(connection, id, report.compared, report.differences, report.explained)
        return report
