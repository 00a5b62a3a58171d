"""A planning system: what moved, what is wanted, what planners decided, what came of its proposals.

Every method raises `Refused` or `Unavailable`. `call.target` is the region. Quantities are packs.
"""

from typing import Protocol

from connectors.ports.call import Call
from schemas.messaging.instructions import Accepted, PlanningAnswer, PlanningBatch
from schemas.planning.demand import PlanningSignals
from schemas.planning.governor import PlanDecision
from schemas.procurement.replenishment import ReplenishmentResult


class PlanningPort(Protocol):
    """Planning that takes rows in bulk."""

    async def send(self, batch: PlanningBatch, call: Call) -> PlanningAnswer:
        """Movements and open demand.

        Args: `batch.rows`: packs that moved; open demand: packs that are wanted, absolute. Returns: the rows that
        planning refused, each with a code. Raises: `Refused` when nothing of it was taken. Once: each row's key counts
        once, in any batch; of demand the highest revision counts.
        """


class ProposingPort(Protocol):
    """Planning that proposes replenishments."""

    async def answer(self, message: ReplenishmentResult, call: Call) -> Accepted:
        """The outcome of a proposal.

        Args: `message.id`: of the proposal. Returns: planning's number. Raises: see the module.
        Once: by key, or by the proposal's id; a repeat changes nothing.
        """


class ReplanPort(Protocol):
    """Planning that plans by what planners decide and by demand signals."""

    async def decided(self, message: PlanDecision, call: Call) -> Accepted:
        """A planner has accepted, rejected or overridden a re-plan.

        Args: `message.proposal`: which. Returns: planning's number. Raises: see the module.
        Once: by key, or by the proposal.
        """

    async def signal(self, batch: PlanningSignals, call: Call) -> PlanningAnswer:
        """Demand signals that changed.

        Args: `batch.rows`: packs, absolute. Returns: the rows that planning refused. Raises: see the module.
        Once: each row's key counts once.
        """
