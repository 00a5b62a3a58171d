"""Returns: goods that come back from a customer, or that a carrier brings back to the sender."""

from enum import StrEnum
from typing import ClassVar

from schemas.base import Contract, Moment
from schemas.changes import Change
from schemas.orders.milestones import ShippedLine
from schemas.workflow_ids import WorkflowId


class ReturnState(StrEnum):
    """Where a return is."""

    AUTHORISED = "authorised"
    RECEIVED = "received"
    INSPECTED = "inspected"
    CREDITED = "credited"
    REFUSED = "refused"


class ReturnStart(Contract):
    """Start of a return's workflow. `sender`: a carrier brings goods back, which nobody has to collect."""

    order: str
    rma: str
    reason: str
    lines: tuple[ShippedLine, ...]
    items: dict[int, str]
    site: str
    region: str
    sender: bool = False
    collect: bool = True
    overdue_s: float = 14 * 86_400.0
    inbox_id: int = 0
    by: str = ""
    accepted_at: Moment
    traceparent: str = ""

    @property
    def workflow_id(self) -> str:
        """`return/<erp>/<number>/<rma>`."""
        return str(WorkflowId.of_return(self.order, self.rma))


class ReturnOutcome(Contract):
    """How a return ended, as the order hears it: packs received, and those of them that went back into stock.

    `said_at`: when the return says so.
    """

    order: str
    rma: str
    state: ReturnState
    received: tuple[ShippedLine, ...] = ()
    restocked: tuple[ShippedLine, ...] = ()
    scrapped: tuple[ShippedLine, ...] = ()
    said_at: Moment | None = None

    @property
    def settled(self) -> bool:
        """Nothing more comes back under this authorisation."""
        return self.state in (ReturnState.CREDITED, ReturnState.REFUSED)


class ReturnChanged(Change):
    """Where a return stands."""

    tag: ClassVar[str] = "return"
    rma: str
    state: ReturnState
    reason: str
    sender: bool
    by: str = ""
    expected: tuple[ShippedLine, ...]
    received: tuple[ShippedLine, ...] = ()
    restocked: tuple[ShippedLine, ...] = ()
    scrapped: tuple[ShippedLine, ...] = ()
    overdue: bool = False
