"""The client of the dialect for re-plans and demand: a port's method is one POST."""

from dataclasses import dataclass

from connectors.http import SystemClient
from connectors.ports import Call
from schemas.demand import PlanningSignals
from schemas.governing import PlanDecision
from schemas.instructions import Accepted, PlanningAnswer


@dataclass(frozen=True)
class DialectReplanning:
    """Planning that takes decisions in the dialect."""

    client: SystemClient

    async def decided(self, message: PlanDecision, call: Call) -> Accepted:
        """See ReplanPort."""
        return await self.client.post("/v1/replans", message, call, Accepted)

    async def signal(self, batch: PlanningSignals, call: Call) -> PlanningAnswer:
        """See ReplanPort."""
        return await self.client.post("/v1/demand-signals", batch, call, PlanningAnswer)
