"""The file of an exception case: what it was started with, what became of it, and what follows from that."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from schemas.base import Moment
from schemas.cases.cases import ENDED, CaseRecord, CaseStart, CaseState, Notice
from schemas.cases.exceptions import Action
from schemas.workflows.commands import CaseAnswer


class CaseFile(CaseStart):
    """A case: what it was started with and what became of it. `findings` and `history` are those of now; a cured case
    keeps the last findings.

    `version` 0: not opened yet. `reached` counts the tiers that the case has come to, `runs` the runs before this one.
    """

    version: int = 0
    runs: int = 0
    state: CaseState = CaseState.OPEN
    reached: int = 0
    assignee: str = ""
    acknowledged_at: Moment | None = None
    closed_at: Moment | None = None
    seen: tuple[str, ...] = ()

    @property
    def closed(self) -> bool:
        """Cured or resolved."""
        return self.state in ENDED

    @property
    def tier(self) -> int:
        """The tier that the case is at, counted from 0."""
        return max(0, self.reached - 1)

    @property
    def queue(self) -> str:
        """The queue of people that owns the case now."""
        return self.policy.tiers[self.tier].queue

    @property
    def next_queue(self) -> str:
        """The queue that the case goes to when it is next due."""
        return self.policy.tiers[min(self.reached, len(self.policy.tiers) - 1)].queue

    @property
    def next_due(self) -> datetime | None:
        """When the case goes to the next tier: at that tier's time, or before it when the owner's alert was ignored.
        None when it is closed or at its last tier."""
        tiers = self.policy.tiers
        if self.closed or self.reached == len(tiers):
            return None
        after_s = tiers[self.reached].after_s
        if self._ignorable and self.policy.unassigned_after_s is not None:
            after_s = min(after_s, tiers[0].after_s + self.policy.unassigned_after_s)
        return self.opened_at + timedelta(seconds=after_s)

    @property
    def offered(self) -> tuple[Action, ...]:
        """The actions that can be asked for: none when it is closed."""
        return () if self.closed else self.policy.actions

    @property
    def summary(self) -> str:
        """The subject of the case, in a line."""
        more = f" (and {len(self.findings) - 1} more)" if len(self.findings) > 1 else ""
        return f"{self.findings[0].summary}{more}" if self.findings else self.kind

    @property
    def _ignorable(self) -> bool:
        """The owner was alerted, and nobody has taken the case."""
        return self.state is CaseState.OPEN and self.reached == 1


def answer(file: CaseFile) -> CaseAnswer:
    """The case as people and the API see it."""
    return CaseAnswer(case=file.id, state=file.state, tier=file.tier, queue=file.queue, assignee=file.assignee)


def case_record(file: CaseFile, notices: Iterable[Notice]) -> CaseRecord:
    """One step of the case, to be written down."""
    return CaseRecord(
        id=file.id,
        order=file.order,
        kind=file.kind,
        version=file.version,
        state=file.state,
        tier=file.tier,
        queue=file.queue,
        assignee=file.assignee,
        summary=file.summary,
        findings=file.findings,
        actions=file.offered,
        policy_version=file.policy.version,
        reopened=file.reopened,
        opened_at=file.opened_at,
        acknowledged_at=file.acknowledged_at,
        closed_at=file.closed_at,
        next_at=file.next_due,
        history=file.history,
        notices=tuple(notices),
    )
