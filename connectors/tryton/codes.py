"""States of Tryton's shipments, and the buttons that lead from one to the next."""

from enum import StrEnum

from schemas.messaging.effects import ChangeKind
from schemas.orders.milestones import MilestoneKind

SHIPMENT = "stock.shipment.out"
RETURN = "stock.shipment.out.return"
NOTE = "ir.note"
SALE = "sale.sale"
LOCATION = "stock.location"
PARTY = "party.party"
ADDRESS = "party.address"
PRODUCT = "product.product"
COMPANY = "company.company"


class TrytonState(StrEnum):
    """States of `stock.shipment.out` in 8.2. The first seven rise."""

    DRAFT = "draft"
    WAITING = "waiting"
    ASSIGNED = "assigned"
    PICKED = "picked"
    PACKED = "packed"
    SHIPPED = "shipped"
    DONE = "done"
    CANCELLED = "cancelled"


State = TrytonState
RISING = tuple(it for it in State if it is not State.CANCELLED)
FORWARD = {
    State.DRAFT: "wait",
    State.WAITING: "assign_try",
    State.ASSIGNED: "pick",
    State.PICKED: "pack",
    State.PACKED: "ship",
    State.SHIPPED: "do",
}
"""The button that leads on from a state."""
BACK = {State.ASSIGNED: ("wait", "draft"), State.WAITING: ("draft",), State.DRAFT: ()}
"""The buttons that lead back to a draft, which alone may be changed. From `picked` on none does."""
LEFT = frozenset({State.SHIPPED, State.DONE})
"""The goods have left."""
REACHED_BY = {
    MilestoneKind.ALLOCATED: State.ASSIGNED,
    MilestoneKind.PICKED: State.PICKED,
    MilestoneKind.PACKED: State.PACKED,
    MilestoneKind.SHIPPED: State.SHIPPED,
    MilestoneKind.DELIVERED: State.DONE,
}
"""The state that a milestone brings a sale's shipment to. Other milestones move none."""
NOTED_CHANGES = frozenset(
    {
        *(ChangeKind.HELD, ChangeKind.RESUMED, ChangeKind.RE_SOURCED, ChangeKind.BACKORDERED),
        *(ChangeKind.INTERCEPTED, ChangeKind.RETURN_AUTHORISED),
    }
)
"""Changes after which a sale and its invoice stay as they are: people read the note."""
UNDECIDED_SALES = frozenset({"draft", "quotation"})
"""States in which Tryton lets a sale be cancelled as a whole."""
