"""The activity that finds receivers which take no messages: each becomes a case in the general queue."""

from dataclasses import dataclass
from datetime import UTC, datetime

from temporalio import activity

from activities.finance.reconciliation import written
from domain.cases.undelivered import Undelivered, difference
from domain.finance.reconciliation import Patience
from schemas.finance.reconciliation import Comparison, ReconcileReport, ReconcileRun
from store.cases import notices
from store.engine import Database
from store.finance import reconciliation as books

AT_FIRST = Patience(settle_s=0.0)
"""It has been tried for long enough when it is found."""


@dataclass(frozen=True)
class UndeliveredActivities:
    """Looks at messages that were given up, and at those that have been tried for longer than `late_s`."""

    database: Database
    late_s: float = 900.0

    @activity.defn(name="reconciliation.notices")
    async def notices(self, run: ReconcileRun) -> ReconcileReport:
        """Look once. A receiver is cured when nothing for it is given up or late any more."""
        info, now = activity.info(), datetime.now(UTC)
        id = f"{info.workflow_id}/{info.workflow_run_id}"
        async with self.database.transaction() as connection:
            await books.begun(connection, run, id, now)
            rows = await notices.undelivered(connection, self.late_s, run.case_order)
            found = tuple(difference(Undelivered.model_validate(row)) for row in rows)
            comparison = Comparison(compared=len(found), differences=found)
            report = await written(connection, run, comparison, AT_FIRST, now)
            await books.ended(connection, id, report.compared, report.differences, report.explained)
        return report
