"""For which days an order's lines are promised, and what planners have been asked about them."""

from datetime import date

from domain.orders.demand import StatePart
from schemas.base import Contract
from schemas.orders.milestones import ShippedLine


class OrderPromises(StatePart):
    """Promised days of lines that are not those of the release, by line number.

    `by_decision`: the first promise, as commands, backorders and planners set it. `by_supply`: the day that supply
    allows since. `by_eta`: the day that a late ETA allows. The last of them that a line has is its promise.
    """

    by_decision: dict[int, date] = {}  # noqa: RUF012 - pydantic copies field defaults
    by_supply: dict[int, date] = {}  # noqa: RUF012
    by_eta: dict[int, date] = {}  # noqa: RUF012


class OpenProposal(Contract):
    """A re-plan that a planner has been asked about."""

    kind: str
    subject: str
    proposed_on: date
    lines: tuple[ShippedLine, ...] = ()


class OrderReplanning(StatePart):
    """What planners are asked: the open `proposals` by id, and the `count` of all that were ever raised.

    `asked_day`: the promised day that the last proposal of a delay was about.
    """

    proposals: dict[str, OpenProposal] = {}  # noqa: RUF012 - pydantic copies field defaults
    count: int = 0
    asked_day: date | None = None
