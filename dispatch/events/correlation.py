"""Correlation of an event with its orders, from facts alone; or the reason for quarantine, and what it waits for."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Generic

from domain.milestones.chronology import KnownTimes, unlikely
from domain.partners.ownership import broken_rule
from schemas.base import Origin, Role, Variant
from schemas.cases.exceptions import Chronology, Impossible
from schemas.orders.milestones import RETURN_KINDS, Line, Milestone, MilestoneKind, SentLine
from store.messaging.events import OrderFacts

DEFAULT = Chronology()
OF_THE_ORDER = RETURN_KINDS | {
    MilestoneKind.SHORT_PICKED,
    MilestoneKind.TENDER_ACCEPTED,
    MilestoneKind.TENDER_REJECTED,
}
"""Milestones of the named order, for any named shipment."""
NOT_CARRIED = RETURN_KINDS | {MilestoneKind.SHORT_PICKED, MilestoneKind.EXCEPTION, MilestoneKind.CLEARED}
"""Their lines do not say what a shipment carries, so they put no shipment on an order."""


HANDLING = frozenset({MilestoneKind.ALLOCATED, MilestoneKind.PICKED, MilestoneKind.PACKED, MilestoneKind.SHIPPED})
"""Milestones about one order's packs in a shipment; they say nothing of other orders."""


@dataclass(frozen=True)
class CorrelationFacts:
    """Facts of the store on the names in an event: orders by number, and orders on the shipment. By order, the
    handling of impossible moments, where a rule differs from the default."""

    named: tuple[OrderFacts, ...] = ()
    on_shipment: tuple[OrderFacts, ...] = ()
    rules: Mapping[str, Chronology] = field(default_factory=dict)


@dataclass(frozen=True)
class Placement(Generic[Line]):
    """The orders that an event reaches, each with its own lines; `links`: the shipment is new to these orders."""

    orders: dict[str, tuple[Line, ...]] = field(default_factory=dict)
    links: bool = False


@dataclass(frozen=True)
class Unplaced:
    """The event has no place yet, or breaks a rule."""

    reason: str
    origin: Origin = Origin.PARTNER_MESSAGE
    waiting_for: str | None = None


@dataclass(frozen=True)
class Said:
    """An event, and who said it."""

    event: Milestone
    partner: str
    role: Role

    def takes_part(self, order: OrderFacts) -> bool:
        """A partner reaches only orders that it takes part in; others do not exist for it."""
        return self.partner in order.parties

    def broken_rule(self, order: OrderFacts) -> str | None:
        """The rule by which it may not say this of an order."""
        if order.purchase and self.role is Role.WMS:
            return "what arrives for a purchase order is told by a goods receipt"
        return broken_rule(Variant(order.variant), self.event.kind, self.role)

    def impossible(self, order: OrderFacts, facts: CorrelationFacts) -> str | None:
        """Why it cannot be of this order, by its moment; None when it can, or when that is only to be flagged."""
        times = KnownTimes(order.released_at, order.shipped_at, order.delivered_at)
        return unlikely(self.event, times, facts.rules.get(order.key, DEFAULT), Impossible.QUARANTINE)


def correlate(event: Milestone, partner: str, role: Role, facts: CorrelationFacts) -> Placement[SentLine] | Unplaced:
    """Place an event on its orders. Its shipment number is matched by sender and time. The sender must take part in the
    order and may report this milestone; the moment must be possible."""
    said = Said(event, partner, role)
    of_the_order = event.order is not None and event.kind in OF_THE_ORDER
    own = [] if of_the_order else [it for it in facts.on_shipment if said.takes_part(it)]
    meant = _still_open(said, [it for it in own if not (said.broken_rule(it) or said.impossible(it, facts))])
    placed = _by_shipment(said, facts, meant) if meant else _by_order(said, facts)
    if isinstance(placed, Unplaced) and not meant and placed.origin is not Origin.OWNERSHIP:
        return _not_meant(said, facts, own) or placed
    return placed


def _not_meant(said: Said, facts: CorrelationFacts, own: list[OrderFacts]) -> Unplaced | None:
    """Why an event is of none of the orders on its shipment, when there are any."""
    for order in own:
        if rule := said.broken_rule(order):
            return Unplaced(rule, Origin.OWNERSHIP)
    for order in own:
        if why := said.impossible(order, facts):
            return Unplaced(why)
    if own or not facts.on_shipment or numbers_of(said.event):
        return None
    reason = f"{said.partner} takes no part in an order on shipment {said.event.shipment}"
    return Unplaced(reason, Origin.OWNERSHIP, f"shipment:{said.event.shipment}")


def _still_open(said: Said, orders: list[OrderFacts]) -> list[OrderFacts]:
    """Without orders that had ended by then, when others have the number too: it is used again. A late report goes to
    its only possible orders."""
    going_on = [it for it in orders if it.closed_at is None or it.closed_at >= said.event.occurred_at]
    return going_on or orders


def _by_shipment(said: Said, facts: CorrelationFacts, meant: list[OrderFacts]) -> Placement[SentLine] | Unplaced:
    event, numbers = said.event, numbers_of(said.event)
    if event.erp:
        meant = [it for it in meant if it.erp == event.erp or it.number not in numbers] or meant
    if len({it.purchase for it in meant}) > 1:
        meant = [it for it in meant if it.number in numbers]
        if not meant:
            return Unplaced(f"shipment {event.shipment} is both on an order and on a purchase order: name the order")
    named = [it.number for it in meant if it.number in numbers]
    if len(named) > len(set(named)):
        return Unplaced(f"order {min(named)} exists in several ERPs: name the erp")
    strangers = numbers - set(named)
    if strangers and not _says_what_is_carried(event):
        return Unplaced(f"shipment {event.shipment} does not carry order {min(strangers)}")
    if numbers and event.lines and event.kind in HANDLING:
        meant = [it for it in meant if it.number in numbers]
    orders = {order.key: lines_of(event, order.number) for order in meant}
    if not strangers:
        return Placement(orders)
    joined = _by_order(said, facts)
    if isinstance(joined, Unplaced):
        return joined
    return Placement({**orders, **joined.orders}, links=True)


def _by_order(said: Said, facts: CorrelationFacts) -> Placement[SentLine] | Unplaced:
    event, numbers = said.event, numbers_of(said.event)
    if not numbers:
        return Unplaced(f"shipment {event.shipment} is not known", waiting_for=f"shipment:{event.shipment}")
    links = _says_what_is_carried(event)
    if event.shipment and not links and event.kind not in OF_THE_ORDER:
        reason = f"shipment {event.shipment} is not known: the first event that names it says which lines it carries"
        return Unplaced(reason, waiting_for=f"shipment:{event.shipment}")
    orders: dict[str, tuple[SentLine, ...]] = {}
    for number in sorted(numbers):
        found = _order(said, facts, number)
        if isinstance(found, Unplaced):
            return found
        orders[found.key] = lines_of(event, number)
    return Placement(orders, links=links)


def _order(said: Said, facts: CorrelationFacts, number: str) -> OrderFacts | Unplaced:
    """The order that a number means: of those in which the sender takes part."""
    event = said.event
    known = [it for it in facts.named if it.number == number and event.erp in (None, it.erp)]
    promised = [it for it in known if it.status != "released"]
    own = [it for it in known if said.takes_part(it)]
    if len(own) > 1:
        return Unplaced(f"order {number} exists in several ERPs: name the erp")
    if not promised or (own and own[0].status == "released"):
        waiting_for = f"order:{event.erp}/{number}" if event.erp else f"number:{number}"
        return Unplaced(f"order {number} is not known", waiting_for=waiting_for)
    if not own:
        waiting_for = f"party:{said.partner}:{promised[0].key}"
        return Unplaced(f"{said.partner} takes no part in that order", Origin.OWNERSHIP, waiting_for)
    if rule := said.broken_rule(own[0]):
        return Unplaced(rule, Origin.OWNERSHIP)
    if why := said.impossible(own[0], facts):
        return Unplaced(why)
    return own[0]


def _says_what_is_carried(event: Milestone) -> bool:
    return bool(event.shipment and event.lines and event.kind not in NOT_CARRIED)


def numbers_of(event: Milestone) -> set[str]:
    """Every order number that an event names."""
    named = {line.order for line in event.lines if line.order}
    return named | ({event.order} if event.order else set())


def lines_of(event: Milestone, number: str) -> tuple[SentLine, ...]:
    """The lines of one order."""
    return tuple(line for line in event.lines if (line.order or event.order) in (number, None))
