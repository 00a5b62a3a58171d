"""The orders that a batch of events names, by number and by shipment."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from dispatch.events.correlation import CorrelationFacts, numbers_of
from domain.cases.escalation_policies import order_policy, procurement_policy
from domain.milestones.chronology import KnownTimes, suspect
from schemas.cases.exceptions import Chronology
from schemas.messaging.envelope import Envelope
from schemas.orders.milestones import Milestone
from store.cases import policies
from store.engine import Connection
from store.messaging import events
from store.orders import orders
from store.procurement import purchase_orders


@dataclass
class OrderLookup:
    """The orders that a batch names, looked up once. `rules`: of those about which an event says an odd time."""

    by_number: dict[str, list[events.OrderFacts]]
    by_shipment: dict[str, list[events.OrderFacts]]
    rules: dict[str, Chronology] = field(default_factory=dict)

    def facts(self, milestone: Milestone) -> CorrelationFacts:
        """The known facts on one event's names."""
        named = [order for number in numbers_of(milestone) for order in self.by_number.get(number, [])]
        return CorrelationFacts(tuple(named), tuple(self.by_shipment.get(milestone.shipment or "", [])), self.rules)

    def link(self, shipment: str, orders_on_it: Iterable[str]) -> None:
        """An event of this batch has put a shipment on its orders."""
        orders_known = {order.key: order for found in self.by_number.values() for order in found}
        on_it = self.by_shipment.setdefault(shipment, [])
        on_it.extend(orders_known[key] for key in orders_on_it if key not in {order.key for order in on_it})


async def misdirected(connection: Connection, said: list[Envelope[Milestone]]) -> dict[tuple[str, str], str]:
    """Of these events, by source and id: why a correction corrects nothing, when what it names is something else."""
    correcting = [it for it in said if it.data.corrects]
    if not correcting:
        return {}
    known = await events.described(connection, [(it.source, it.data.corrects or "") for it in correcting])
    found = {}
    for it in correcting:
        kind, shipment = known.get((it.source, it.data.corrects or ""), (it.data.kind, it.data.shipment or ""))
        if (kind, shipment) != (it.data.kind, it.data.shipment or ""):
            found[it.source, it.id] = (
                f"it corrects a report of {kind} of {shipment or 'the order'}: report the same of that"
            )
    return found


async def look_up(connection: Connection, milestones: list[Milestone]) -> OrderLookup:
    """Look up what these name."""
    numbers = sorted({number for milestone in milestones for number in numbers_of(milestone)})
    by_number: dict[str, list[events.OrderFacts]] = defaultdict(list)
    for order in await events.orders_named(connection, numbers) if numbers else []:
        by_number[order.number].append(order)
    shipments = sorted({milestone.shipment for milestone in milestones if milestone.shipment})
    book = OrderLookup(by_number, await events.orders_on(connection, shipments) if shipments else {})
    book.rules = await _rules(connection, sorted({key for it in milestones for key in _odd(book.facts(it), it)}))
    return book


def _odd(facts: CorrelationFacts, milestone: Milestone) -> list[str]:
    """The orders of which an event says a time that may be impossible: most events have none."""
    known = (
        (it, KnownTimes(it.released_at, it.shipped_at, it.delivered_at)) for it in (*facts.named, *facts.on_shipment)
    )
    return [it.key for it, times in known if suspect(milestone, times)]


async def _rules(connection: Connection, keys: list[str]) -> dict[str, Chronology]:
    """The reports that policy calls impossible, order by order, where there are rules at all."""
    if not keys:
        return {}
    found: dict[str, Chronology] = {}
    if rules := await policies.rules(connection, "order"):
        for key, scope in (await orders.scopes(connection, keys)).items():
            found[key] = order_policy(rules, **scope).chronology
    if rules := await policies.rules(connection, "procurement"):
        for key, scope in (await purchase_orders.scopes(connection, keys)).items():
            found[key] = procurement_policy(rules, **scope).chronology
    return found
