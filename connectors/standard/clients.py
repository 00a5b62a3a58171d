"""The four clients of the Syncline REST API: a port's method is one POST."""

from dataclasses import dataclass

from connectors.http.client import SystemClient
from connectors.ports import Call
from schemas.messaging.instructions import (
    Accepted,
    ErpCancellation,
    ErpChange,
    ErpMilestone,
    ErpPromise,
    Interception,
    PlanningAnswer,
    PlanningBatch,
    ReturnCollection,
    ReturnNotice,
    Tender,
    TenderAmendment,
    TenderHold,
    TenderVoid,
    WarehouseAmendment,
    WarehouseCancellation,
    WarehouseHold,
    WarehouseInstruction,
)


@dataclass(frozen=True)
class StandardErp:
    """An ERP that speaks the Syncline REST API."""

    client: SystemClient

    async def report_milestone(self, message: ErpMilestone, call: Call) -> Accepted:
        """See ErpPort."""
        return await self.client.post(f"/v1/orders/{message.order}/milestones", message, call, Accepted)

    async def reschedule_promise(self, message: ErpPromise, call: Call) -> Accepted:
        """See ErpPort."""
        return await self.client.post(f"/v1/orders/{message.order}/promise", message, call, Accepted)

    async def report_change(self, message: ErpChange, call: Call) -> Accepted:
        """See ErpPort."""
        return await self.client.post(f"/v1/orders/{message.order}/changes", message, call, Accepted)

    async def confirm_cancellation(self, message: ErpCancellation, call: Call) -> Accepted:
        """See ErpPort."""
        return await self.client.post(f"/v1/orders/{message.order}/cancellation", message, call, Accepted)


@dataclass(frozen=True)
class StandardWms:
    """A warehouse that speaks the Syncline REST API."""

    client: SystemClient

    async def instruct(self, message: WarehouseInstruction, call: Call) -> Accepted:
        """See WmsPort."""
        return await self.client.post("/v1/instructions", message, call, Accepted)

    async def amend(self, message: WarehouseAmendment, call: Call) -> Accepted:
        """See WmsPort."""
        return await self.client.post(f"/v1/instructions/{message.order}/amendments", message, call, Accepted)

    async def hold(self, message: WarehouseHold, call: Call) -> Accepted:
        """See WmsPort."""
        return await self.client.post(f"/v1/instructions/{message.order}/hold", message, call, Accepted)

    async def cancel(self, message: WarehouseCancellation, call: Call) -> Accepted:
        """See WmsPort."""
        return await self.client.post(f"/v1/instructions/{message.order}/cancellation", message, call, Accepted)

    async def expect_return(self, message: ReturnNotice, call: Call) -> Accepted:
        """See WmsPort."""
        return await self.client.post("/v1/returns", message, call, Accepted)


@dataclass(frozen=True)
class StandardTms:
    """A transport desk that speaks the Syncline REST API."""

    client: SystemClient

    async def tender(self, message: Tender, call: Call) -> Accepted:
        """See TmsPort."""
        return await self.client.post("/v1/tenders", message, call, Accepted)

    async def amend(self, message: TenderAmendment, call: Call) -> Accepted:
        """See TmsPort."""
        return await self.client.post(f"/v1/tenders/{message.order}/amendments", message, call, Accepted)

    async def hold(self, message: TenderHold, call: Call) -> Accepted:
        """See TmsPort."""
        return await self.client.post(f"/v1/tenders/{message.order}/hold", message, call, Accepted)

    async def void(self, message: TenderVoid, call: Call) -> Accepted:
        """See TmsPort."""
        return await self.client.post(f"/v1/tenders/{message.order}/void", message, call, Accepted)

    async def intercept(self, message: Interception, call: Call) -> Accepted:
        """See TmsPort."""
        return await self.client.post(f"/v1/shipments/{message.shipment}/interception", message, call, Accepted)

    async def collect_return(self, message: ReturnCollection, call: Call) -> Accepted:
        """See TmsPort."""
        return await self.client.post("/v1/collections", message, call, Accepted)


@dataclass(frozen=True)
class StandardPlanning:
    """A planning system that speaks the Syncline REST API."""

    client: SystemClient

    async def send(self, batch: PlanningBatch, call: Call) -> PlanningAnswer:
        """See PlanningPort."""
        return await self.client.post("/v1/rows", batch, call, PlanningAnswer)
