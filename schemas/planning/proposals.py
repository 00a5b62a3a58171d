"""Re-plan proposals: what planners are asked, and what became of it."""

from datetime import date
from enum import StrEnum
from typing import ClassVar

from schemas.base import Contract, Moment
from schemas.changes import Change
from schemas.orders.milestones import ShippedLine


class ProposalKind(StrEnum):
    """Why a planner is asked."""

    DELAY = "delay"
    SHORTAGE = "shortage"


class Proposal(Contract):
    """A re-plan proposed to the planner of a region. `proposed_on` is the day that would be promised."""

    id: str
    kind: ProposalKind
    subject: str
    promised_on: date
    proposed_on: date
    lines: tuple[ShippedLine, ...] = ()
    summary: str
    raised_at: Moment


class Decided(Contract):
    """What became of a proposal: accepted, rejected, overridden or withdrawn; by whom, when and why."""

    id: str
    state: str
    by: str
    at: Moment
    reason: str


class ProposalsRaised(Change):
    """Proposals that planners are asked from now on."""

    tag: ClassVar[str] = "proposals"
    proposals: tuple[Proposal, ...] = ()


class ProposalsDecided(Change):
    """What became of proposals, also of those that the same step raises."""

    tag: ClassVar[str] = "decided"
    decided: tuple[Decided, ...] = ()
