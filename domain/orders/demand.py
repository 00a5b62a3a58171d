"""What is wanted of an order: lines as amended, packs that were cancelled or lost, and whether the order has ended."""

from typing import Any, Self

from schemas.base import Contract
from schemas.orders.release import LineDue


class StatePart(Contract):
    """One part of an order's state. Frozen: a change makes a new part."""

    def with_changes(self, **fields: Any) -> Self:
        """The part with other values of these fields. Raises TypeError for a field that it does not have."""
        known = type(self).model_fields
        if not fields.keys() <= known.keys():
            raise TypeError(f"{type(self).__name__} has no {', '.join(sorted(fields.keys() - known.keys()))}")
        return self.model_copy(update=fields)


class OrderDemand(StatePart):
    """Lines and quantities as they are wanted now. Quantities are packs of each line, by its number.

    `amended_lines`: the lines after amendments; those of the start while empty. `cancelled_quantity`: packs that are no
    longer wanted. `lost_quantity`: packs that are known to have got lost after the goods issue.
    `cancelled_after_issue`: those of the cancelled packs that had left. `address_message`: the inbox message of the
    last amendment of the address; 0 means the release.
    """

    amended_lines: tuple[LineDue, ...] = ()
    cancelled_quantity: dict[int, int] = {}  # noqa: RUF012 - pydantic copies field defaults
    lost_quantity: dict[int, int] = {}  # noqa: RUF012
    cancelled_after_issue: dict[int, int] = {}  # noqa: RUF012
    address_message: int = 0


class OrderEnding(StatePart):
    """What holds an order up or ends it. The first three are reasons, in the words of who asked; None: it is not so.

    `cancelling`: the goods had left when the order was cancelled, and are on their way back.
    """

    held: str | None = None
    cancelling: str | None = None
    cancelled: str | None = None
    closed: bool = False
