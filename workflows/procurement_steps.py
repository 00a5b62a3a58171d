"""What purchase orders and replenishments ask of the database: one typed function for each."""

from schemas.purchasing import PurchaseRecord
from schemas.records import Written
from schemas.replenishment import ReplenishmentRecord
from workflows import steps


async def write_purchase(record: PurchaseRecord) -> Written:
    """Write a step of a purchase order to the database."""
    return await steps.written("procurement.write_purchase", record, Written, record.status)


async def write_replenishment(record: ReplenishmentRecord) -> Written:
    """Write a step of a replenishment to the database."""
    return await steps.written("procurement.write_replenishment", record, Written, f"{record.hop}: {record.state}")
