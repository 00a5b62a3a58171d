"""What purchase orders and replenishments ask of the database: one typed function for each."""

from schemas.procurement.purchase_orders import PurchaseRecord
from schemas.procurement.replenishment import ReplenishmentRecord
from schemas.workflows.records import StepWritten
from schemas.workflows.steps import WorkflowStep
from workflows.runtime import steps


async def write_purchase(step: WorkflowStep[PurchaseRecord]) -> StepWritten:
    """Write a step of a purchase order to the database."""
    return await steps.written("procurement.write_purchase", step, StepWritten, step.record.status)


async def write_replenishment(step: WorkflowStep[ReplenishmentRecord]) -> StepWritten:
    """Write a step of a replenishment to the database."""
    at = f"{step.record.hop}: {step.record.state}"
    return await steps.written("procurement.write_replenishment", step, StepWritten, at)
