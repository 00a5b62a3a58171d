"""The re-plan governor: changes of projected supply and dates that are worth a planner's time, per item and site."""

from datetime import date

from schemas.base import Contract, Moment


class Tolerance(Contract):
    """What is not worth a planner's time: changes of fewer packs and fewer days than these."""

    packs: int
    days: int


class Projected(Contract):
    """What a source brings or takes at a site, as our books say now: packs on the way on a day, packs lost by counts.

    `planned_packs` and `planned_day` are what planners were last told; None: they know nothing of it yet.
    """

    item: str
    site: str
    source: str
    packs: int
    day: date
    item_class: str = "B"
    planned_packs: int | None = None
    planned_day: date | None = None
    changed_at: Moment | None = None


class Cause(Contract):
    """One reason of a proposal: so many packs more (or less when negative) and days later than planners know."""

    source: str
    packs: int
    days: int


class StockReplan(Contract):
    """A re-plan of an item at a site, to be proposed."""

    item: str
    site: str
    packs: int
    day: date
    slipped_days: int
    causes: tuple[Cause, ...]
    summary: str


class StockProposalView(StockReplan):
    """A re-plan of an item at a site as planners read it. Decide with the id `stock/<n>`."""

    id: str
    region: str
    state: str
    raised_at: Moment
    expires_at: Moment
    decided_by: str | None = None
    decided_at: Moment | None = None
    decision_reason: str | None = None
    override_day: date | None = None


class Precision(Contract):
    """Re-plan precision of a week: accepted of all that were decided. `expired` ones were decided by nobody."""

    week: date
    accepted: int
    decided: int
    expired: int
    precision: float | None = None


class GovernorRun(Contract):
    """The governor of a region. `cycles` counts the activity runs since the workflow began."""

    region: str
    cycles: int = 0

    @property
    def workflow_id(self) -> str:
        """`governor/<region>`."""
        return f"governor/{self.region}"


class GovernorReport(Contract):
    """What one run of the governor's activity did."""

    looks: int = 0
    proposed: int = 0
    expired: int = 0
