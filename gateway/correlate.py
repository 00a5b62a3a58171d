"""Which orders an event concerns, decided from facts alone; or why it is parked, and what could bring it back."""

from dataclasses import dataclass, field

from domain.ownership import broken_rule
from schemas.base import Origin, Role, Variant
from schemas.milestones import RETURN_KINDS, Milestone, MilestoneKind, ShippedLine
from store.events import OrderFacts

OF_THE_ORDER = RETURN_KINDS | {
    MilestoneKind.SHORT_PICKED,
    MilestoneKind.TENDER_ACCEPTED,
    MilestoneKind.TENDER_REJECTED,
}
"""What concerns the order that is named, whichever shipment is named too."""
NOT_CARRIED = RETURN_KINDS | {MilestoneKind.SHORT_PICKED, MilestoneKind.EXCEPTION}
"""Their lines do not say what a shipment carries, so they put no shipment on an order."""


@dataclass(frozen=True)
class Facts:
    """What the store knows about the names in an event: orders by number, orders on the shipment."""

    named: tuple[OrderFacts, ...] = ()
    on_shipment: tuple[OrderFacts, ...] = ()


@dataclass(frozen=True)
class Placement:
    """The orders that an event reaches, each with its own lines; `links`: the shipment is new to these orders."""

    orders: dict[str, tuple[ShippedLine, ...]] = field(default_factory=dict)
    links: bool = False


@dataclass(frozen=True)
class Parked:
    """The event has no place yet, or breaks a rule."""

    reason: str
    origin: Origin = Origin.PARTNER_MESSAGE
    waiting_for: str | None = None


def correlate(event: Milestone, partner: str, role: Role, facts: Facts) -> Placement | Parked:
    """Place an event. A partner reaches only orders that it takes part in; others do not exist for it."""
    of_the_order = event.order is not None and event.kind in OF_THE_ORDER
    placed = _by_shipment(event, facts) if facts.on_shipment and not of_the_order else _by_order(event, facts)
    if isinstance(placed, Parked):
        return placed
    orders = {facts.key: facts for facts in (*facts.named, *facts.on_shipment)}
    for key in placed.orders:
        order = orders[key]
        if partner not in order.parties:
            return Parked(f"{partner} takes no part in that order", Origin.OWNERSHIP, f"party:{partner}:{key}")
        rule = broken_rule(Variant(order.variant), event.kind, role)
        if rule:
            return Parked(rule, Origin.OWNERSHIP)
    return placed


def _by_shipment(event: Milestone, facts: Facts) -> Placement | Parked:
    numbers = numbers_of(event)
    strangers = numbers - {order.number for order in facts.on_shipment}
    if strangers and not _says_what_is_carried(event):
        return Parked(f"shipment {event.shipment} does not carry order {min(strangers)}")
    orders = {order.key: lines_of(event, order.number) for order in facts.on_shipment}
    if not strangers:
        return Placement(orders)
    joined = _by_order(event, facts)
    if isinstance(joined, Parked):
        return joined
    return Placement({**orders, **joined.orders}, links=True)


def _by_order(event: Milestone, facts: Facts) -> Placement | Parked:
    numbers = numbers_of(event)
    if not numbers:
        return Parked(f"shipment {event.shipment} is not known", waiting_for=f"shipment:{event.shipment}")
    links = _says_what_is_carried(event)
    if event.shipment and not links and event.kind not in OF_THE_ORDER:
        reason = f"shipment {event.shipment} is not known: the first event that names it says which lines it carries"
        return Parked(reason, waiting_for=f"shipment:{event.shipment}")
    orders: dict[str, tuple[ShippedLine, ...]] = {}
    for number in sorted(numbers):
        known = [o for o in facts.named if o.number == number and event.erp in (None, o.key.split("/", 1)[0])]
        waiting_for = f"order:{event.erp}/{number}" if event.erp else f"number:{number}"
        if len(known) > 1:
            return Parked(f"order {number} exists in several ERPs: name the erp")
        if not known or known[0].status == "released":
            return Parked(f"order {number} is not known", waiting_for=waiting_for)
        orders[known[0].key] = lines_of(event, number)
    return Placement(orders, links=links)


def _says_what_is_carried(event: Milestone) -> bool:
    return bool(event.shipment and event.lines and event.kind not in NOT_CARRIED)


def numbers_of(event: Milestone) -> set[str]:
    """Every order number that an event names."""
    named = {line.order for line in event.lines if line.order}
    return named | ({event.order} if event.order else set())


def lines_of(event: Milestone, number: str) -> tuple[ShippedLine, ...]:
    """The lines of one order."""
    return tuple(line for line in event.lines if (line.order or event.order) in (number, None))
