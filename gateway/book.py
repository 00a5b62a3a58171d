"""The orders that a batch of events names, by number and by shipment."""

from collections import defaultdict
from dataclasses import dataclass

from gateway.correlate import Facts, Placement, numbers_of
from schemas.milestones import Milestone
from store import events
from store.engine import Connection


@dataclass
class Book:
    """The orders that a batch names, looked up once."""

    by_number: dict[str, list[events.OrderFacts]]
    by_shipment: dict[str, list[events.OrderFacts]]

    def facts(self, milestone: Milestone) -> Facts:
        """What is known of one event's names."""
        named = [order for number in numbers_of(milestone) for order in self.by_number.get(number, [])]
        return Facts(tuple(named), tuple(self.by_shipment.get(milestone.shipment or "", [])))

    def link(self, shipment: str, placement: Placement) -> None:
        """An event of this batch has put a shipment on its orders."""
        orders_known = {order.key: order for found in self.by_number.values() for order in found}
        on_it = self.by_shipment.setdefault(shipment, [])
        on_it.extend(orders_known[key] for key in placement.orders if key not in {order.key for order in on_it})


async def look_up(connection: Connection, milestones: list[Milestone]) -> Book:
    """Look up what these name."""
    numbers = sorted({number for milestone in milestones for number in numbers_of(milestone)})
    by_number: dict[str, list[events.OrderFacts]] = defaultdict(list)
    for order in await events.orders_named(connection, numbers) if numbers else []:
        by_number[order.number].append(order)
    shipments = sorted({milestone.shipment for milestone in milestones if milestone.shipment})
    return Book(by_number, await events.orders_on(connection, shipments) if shipments else {})
