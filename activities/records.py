"""The database steps of an order's workflow."""

from dataclasses import dataclass

from temporalio import activity

from schemas.records import StepRecord, Written
from store import steps
from store.engine import Database


@dataclass(frozen=True)
class RecordActivities:
    """Writes what workflows decide."""

    database: Database

    @activity.defn(name="records.write_step")
    async def write_step(self, record: StepRecord) -> Written:
        """Write one step of an order as one transaction. Safe to repeat."""
        await steps.write(self.database, record)
        return Written(version=record.version)
