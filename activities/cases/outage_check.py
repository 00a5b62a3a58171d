"""The activity that sees when connected systems stop answering: one case, closed when all are back."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from temporalio import activity

from activities.finance.reconciliation import written
from domain.finance.reconciliation import Patience
from schemas.finance.reconciliation import About, Comparison, Difference, DifferenceClass, ReconcileReport, ReconcileRun
from store.cases import outages
from store.engine import Database
from store.finance import reconciliation as books

AT_ONCE = Patience(settle_s=0.0)
"""No patience: the outage has lasted for `after_s` before it is reported."""


@dataclass(frozen=True)
class OutageActivities:
    """A system is away when what it owes an answer to for `after_s` seconds is followed by nothing that it answered."""

    database: Database
    after_s: float = 60.0

    @activity.defn(name="reconciliation.outages")
    async def outages(self, run: ReconcileRun) -> ReconcileReport:
        """Look once."""
        info, now = activity.info(), datetime.now(UTC)
        id = f"{info.workflow_id}/{info.workflow_run_id}"
        async with self.database.transaction() as connection:
            await books.begun(connection, run, id, now)
            found = tuple(map(_away, await outages.silent(connection, self.after_s)))
            comparison = Comparison(compared=len(found), differences=found)
            report = await written(connection, run, comparison, AT_ONCE, now)
            await books.ended(connection, id, report.compared, report.differences, report.explained)
        return report


def _away(row: dict[str, Any]) -> Difference:
    """Its words stay the same while it is away, so that its case is told once."""
    return Difference(
        about=About.SYSTEM,
        subject=f"{row['system']} {row['target']}".strip(),
        kind=DifferenceClass.MISSING,
        ours="owed",
        theirs=f"no answer since {row['since']:%Y-%m-%d %H:%M} UTC",
        owner=row["system"],
        proposal="see that it answers: what is owed to it is sent again by itself, and nothing is lost",
    )
