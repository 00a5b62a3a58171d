"""What purchase orders and replenishments ask of the database: one typed function for each."""

from schemas.procurement.purchase_orders import PurchaseOrderChanged
from schemas.procurement.replenishment import ReplenishmentRecord
from schemas.workflows.records import StepRecord, StepWritten
from schemas.workflows.steps import WorkflowStep
from workflows.runtime import steps


async def write_purchase(step: WorkflowStep[StepRecord]) -> StepWritten:
    """Write a step of a purchase order to the database."""
    stands = step.record.find(PurchaseOrderChanged)
    return await steps.written("procurement.write_purchase", step, StepWritten, stands.status if stands else "")


async def write_replenishment(step: WorkflowStep[ReplenishmentRecord]) -> StepWritten:
    """Write a step of a replenishment to the database."""
    at = f"{step.record.hop}: {step.record.state}"
    return await steps.written("procurement.write_replenishment", step, StepWritten, at)
