"""What carrying goods costs, as a step of an order has it."""

from typing import ClassVar

from schemas.changes import Change
from schemas.inventory.stock import Moves


class GoodsIssued(Change):
    """Packs that left since the step before, by the place of their shipment, also when they have arrived by now. They
    accrue freight."""

    tag: ClassVar[str] = "issued"
    issued: Moves = {}  # noqa: RUF012 - pydantic copies field defaults
