"""Which of several reports of one milestone of one shipment counts, whatever order they arrive in.

One that states packs counts before one that states none; then the later `occurred_at`, the higher sequence number, the
larger id. One that says which report it corrects stands in that one's place, and the corrected one counts no more. Of
reports that correct one another in a circle the highest counts as if nothing corrected it.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import NamedTuple, Self

from schemas.orders.milestones import MilestoneEvent
from schemas.standard_identifiers import short_id

MOST_KEPT = 20
"""Reports of one milestone of one shipment that are kept: a sender corrects itself once, seldom twice."""

Place = tuple[bool, datetime, int, str]
"""Whether packs are stated, when it happened, sequence number, id: of two reports the higher one counts."""


class MilestoneReport(NamedTuple):
    """A report of a milestone. `packs` of each line: None when it stated none. `event`: its id, shortened when it
    stated none. `corrects`: the shortened id of the report that it replaces."""

    at: datetime
    sequence: int = 0
    event: str = ""
    packs: dict[int, int] | None = None
    corrects: str = ""

    @classmethod
    def of(cls, event: MilestoneEvent, packs: dict[int, int] | None) -> Self:
        """The report that an event makes."""
        corrected = event.corrects if event.corrects != event.id else ""
        return cls(
            at=event.occurred_at,
            sequence=event.sequence,
            event=short_id(event.id) if packs is None else event.id,
            packs=packs,
            corrects=short_id(corrected) if corrected else "",
        )

    @property
    def mark(self) -> str:
        """The shortened id."""
        return self.event if self.packs is None else short_id(self.event)

    @property
    def place(self) -> Place:
        """Where it stands of itself."""
        return (self.packs is not None, self.at, self.sequence, self.event)

    @property
    def plain(self) -> bool:
        """Time and id say all of it."""
        return not (self.corrects or self.sequence)


def heard(
    known: Iterable[MilestoneReport], report: MilestoneReport
) -> tuple[MilestoneReport, tuple[MilestoneReport, ...]]:
    """The report that counts, and those that must be kept because of corrections and sequence numbers.

    A report that does not count, and that nothing corrects yet, is forgotten: whatever corrects it later stands no
    higher than what counts already.
    """
    by_mark = {it.mark: it for it in known}
    if report.mark in by_mark:
        report = by_mark[report.mark]
    by_mark[report.mark] = report
    corrected = {it.corrects for it in by_mark.values() if it.corrects}
    standing = [it for it in by_mark.values() if it.mark not in corrected or _heads_circle(it, by_mark)]
    counts = max(standing, key=lambda it: (_taken_over(it, by_mark), it.place))
    kept = [it for it in by_mark.values() if it is not counts and (it.corrects or it.mark in corrected)]
    if not kept and counts.plain:
        return counts, ()
    kept = sorted(kept, key=lambda it: it.place)[1 - MOST_KEPT :]
    return counts, tuple(sorted((*kept, counts), key=lambda it: it.place))


def _chain(report: MilestoneReport, by_mark: Mapping[str, MilestoneReport]) -> dict[str, MilestoneReport]:
    """A report and all that it corrects, one after the other."""
    chain = {report.mark: report}
    while report.corrects and report.corrects not in chain and (earlier := by_mark.get(report.corrects)):
        chain[earlier.mark] = report = earlier
    return chain


def _taken_over(report: MilestoneReport, by_mark: Mapping[str, MilestoneReport]) -> Place:
    """The highest place of a report and of all that it corrects."""
    return max(it.place for it in _chain(report, by_mark).values())


def _heads_circle(report: MilestoneReport, by_mark: Mapping[str, MilestoneReport]) -> bool:
    """Whether it is the highest of a circle of corrections, into which nothing else corrects."""
    chain = _chain(report, by_mark)
    if next(reversed(chain.values())).corrects != report.mark:
        return False
    corrected = any(it.corrects in chain for it in by_mark.values() if it.mark not in chain)
    return not corrected and report.place == _taken_over(report, by_mark)
