"""The client of the Syncline REST API for re-plans and demand: a port's method is one POST."""

from dataclasses import dataclass

from connectors.http.client import SystemClient
from connectors.ports import Call
from schemas.messaging.instructions import Accepted, PlanningAnswer
from schemas.planning.demand import PlanningSignals
from schemas.planning.governor import PlanDecision


@dataclass(frozen=True)
class StandardReplanning:
    """Planning that takes decisions in the Syncline REST API."""

    client: SystemClient

    async def decided(self, message: PlanDecision, call: Call) -> Accepted:
        """See ReplanPort."""
        return await self.client.post("/v1/replans", message, call, Accepted)

    async def signal(self, batch: PlanningSignals, call: Call) -> PlanningAnswer:
        """See ReplanPort."""
        return await self.client.post("/v1/demand-signals", batch, call, PlanningAnswer)
