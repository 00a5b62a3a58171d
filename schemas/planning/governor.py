"""The re-plan governor: changes of supply, stock and demand that are worth a planner's time, per item and site."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from schemas.base import Contract, Day, Moment

ANY_CLASS = "*"
"""The class of an item whose owner names none, or one that has no tolerance of its own."""


class Tolerance(Contract):
    """The least change worth a planner's time: fewer packs and fewer days are not proposed. Packs are tolerated up to a
    `share` of what is planned, where that is more."""

    packs: Annotated[int, Field(ge=1)]
    days: Annotated[int, Field(ge=1)]
    share: Annotated[float, Field(ge=0, le=1)] = 0.0

    def exceeded(self, packs: int, days: int, planned: int) -> bool:
        """Whether a change is worth a planner's time."""
        return abs(packs) >= max(self.packs, self.share * planned) or abs(days) >= self.days


DEMAND = "orders "
"""The prefix of a source that takes packs away: orders beyond the forecast, `orders <bucket> <period>`."""


class Projected(Contract):
    """A source's packs for a site, as our books have them now.

    A source is a line of a purchase order on a day, packs found by counts (missing: negative), or orders beyond the
    forecast. `planned_packs` and `planned_day` are the plan's figures; None: nobody has looked at the source yet.
    `changed_at`: since when it differs materially.
    """

    item: str
    site: str
    source: str
    packs: int
    day: Day
    item_class: str = ANY_CLASS
    planned_packs: int | None = None
    planned_day: Day | None = None
    changed_at: Moment | None = None


class Cause(Contract):
    """One reason of a proposal: so many packs more (or fewer: negative) and days later than planned, which makes
    `to_packs` on `to_day`."""

    source: str
    packs: int
    days: int
    to_packs: int = 0
    to_day: Day | None = None

    @property
    def takes_away(self) -> bool:
        """Whether more packs of it are fewer at the site: so is what orders want, not what supply and counts bring."""
        return self.source.startswith(DEMAND)


class Question(Contract):
    """An open proposal, as far as the governor has to know it."""

    id: int
    item: str
    site: str
    raised_at: Moment
    causes: tuple[Cause, ...]


class StockReplan(Contract):
    """A re-plan of an item at a site, to be proposed. `packs`: how many more (negative: fewer) there are than planned;
    demand beyond the forecast takes away."""

    item: str
    site: str
    packs: int
    day: Day
    slipped_days: int
    causes: tuple[Cause, ...]
    summary: str
    item_class: str = ANY_CLASS


class StockProposalView(StockReplan):
    """A re-plan of an item at a site as planners read it. Decide with the id `stock/<n>`.

    `override_day` and `override_packs` are the planner's own figures. `told_at`: when planning received the decision.
    `refused`: the rule by which planning refused it.
    """

    id: str
    region: str
    state: str
    raised_at: Moment
    expires_at: Moment
    decided_by: str | None = None
    decided_at: Moment | None = None
    decision_reason: str | None = None
    override_day: Day | None = None
    override_packs: int | None = None
    told_at: Moment | None = None
    refused: str | None = None


class PlanVerdict(StrEnum):
    """A planner's verdict on a re-plan. The end of a proposal without a decision (expired, withdrawn) is not
    reported."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    OVERRIDDEN = "overridden"


class PlanDecision(Contract):
    """POST {planning}/v1/replans: a planner's decision about an item at a site. The key makes it count once.

    `accepted`: plan by the causes' `to_packs` and `to_day`. `rejected`: the plan stays, the change is known.
    `overridden`: plan `packs` more or fewer, on `day`, where these are given.
    """

    proposal: str
    item: str
    site: str
    region: str
    verdict: PlanVerdict
    causes: tuple[Cause, ...]
    packs: int | None = None
    day: Day | None = None
    reason: str
    decided_by: str
    decided_at: Moment


class Precision(Contract):
    """Re-plan precision of a week: accepted of all that were decided. `expired` ones were decided by nobody."""

    week: Day
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
    """The result of one run of the governor's activity."""

    looks: int = 0
    proposed: int = 0
    expired: int = 0
    withdrawn: int = 0
    reported: int = 0
