"""The audit trail is checked all the time, and its signed end is kept outside of the database.

A look costs what is new, and one page of the rest: the whole trail is gone through in turn.
"""

import asyncio
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import NamedTuple

import structlog
from temporalio import activity

from activities.finance.reconciliation import written
from domain.finance.reconciliation import Patience
from schemas.finance.reconciliation import About, Comparison, Difference, DifferenceClass, ReconcileReport, ReconcileRun
from store.audit import audit_trail
from store.audit.anchors import Anchors, Forged
from store.engine import Connection, Database
from store.finance import reconciliation as books
from store.seals import Anchor, SealedEntry, Seals, Trail

AT_ONCE = Patience(settle_s=0.0)
"""A broken trail does not mend itself: people are told at the first look."""


@dataclass(frozen=True)
class AuditActivities:
    """Checks the trail and anchors its end, in the directory of `anchors` and in the log; in the log only without one.

    `page`: so many entries are looked at again in a run.
    """

    database: Database
    seals: Seals
    anchors: Anchors | None
    page: int = audit_trail.PAGE

    @activity.defn(name="reconciliation.audit")
    async def audit(self, run: ReconcileRun) -> ReconcileReport:
        """Look once. What is wrong is a difference until it is cured; no anchor is made meanwhile."""
        info, now = activity.info(), datetime.now(UTC)
        id = f"{info.workflow_id}/{info.workflow_run_id}"
        async with self.database.connection() as connection:
            after = await books.begins_behind(connection, run)
            await books.begun(connection, run, id, now)
            looked = await self._look(connection, int(after or 0), now)
        comparison = Comparison(
            compared=looked.entries, differences=(_difference(looked.wrong),) if looked.wrong else ()
        )
        async with self.database.transaction() as connection:
            report = await written(connection, run, comparison, AT_ONCE, now)
            counts = (report.compared, report.differences, report.explained)
            await books.ended(connection, id, *counts, upto=str(looked.upto or ""))
        return report

    async def _look(self, connection: Connection, after: int, now: datetime) -> "TrailCheck":
        """Check what is new, and a page of the rest; anchor the end when all of it is whole."""
        if self.anchors:
            try:
                await asyncio.to_thread(self.anchors.look)
            except Forged as error:
                return TrailCheck(0, after, str(error))
        known = self.anchors.known() if self.anchors else ()
        new = Trail(self.seals, known, max([1, *(it.id for it in known)]))
        entries, wrong = 0, None
        async for found in audit_trail.pages(connection, new.start):
            activity.heartbeat(found[-1].id)
            entries, wrong = entries + len(found), new.take(found)
            if wrong:
                return TrailCheck(entries, after, wrong)
        old = Trail(self.seals, known, max(after, 1))
        found = await audit_trail.page(connection, old.start, self.page)
        if wrong := new.end() or old.take(found):
            return TrailCheck(entries + len(found), after, wrong)
        await self._anchor(new.last, known, now)
        return TrailCheck(entries + len(found), found[-1].id if len(found) == self.page else 0)

    async def _anchor(self, last: SealedEntry | None, known: tuple[Anchor, ...], now: datetime) -> None:
        """Sign the end, and keep it out of the database's reach; nothing when it is there already."""
        id, hash = (last.id, last.hash) if last else (0, "")
        if any(it.id >= id for it in known):
            return
        anchor = self.seals.own.anchor(id, hash, now)
        if self.anchors:
            await asyncio.to_thread(self.anchors.append, anchor)
        said = asdict(anchor) | {"at": anchor.at.isoformat()}
        structlog.get_logger("audit").info("audit.anchored", **said)


class TrailCheck(NamedTuple):
    """The findings of a look: so many entries read, where the turn goes on (0: at the beginning), what is wrong."""

    entries: int
    upto: int
    wrong: str | None = None


def _difference(wrong: str) -> Difference:
    return Difference(
        about=About.AUDIT,
        subject="audit trail",
        kind=DifferenceClass.MISSING,
        ours="whole",
        theirs=wrong,
        owner="syncline",
        proposal="keep the database and the anchors as they are, then `syncline audit verify`",
    )
