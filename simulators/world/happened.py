"""The history of an order: its shipments with their dates, their events, and their sums."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from random import Random

from domain.inventory.promise import lead_days
from schemas.base import Variant
from schemas.orders.milestones import MilestoneKind, ShippedLine
from schemas.orders.release import OrderRelease
from schemas.standard_identifiers import TransportMode
from simulators.world import network
from simulators.world.plans import OrderPlan, PlannedEvent, PlannedShipment

_RELEASE_TIME = time(8, tzinfo=UTC)
_DELIVERY_TIME = time(12, tzinfo=UTC)
_EVENTS = {
    Variant.DISTRIBUTION_CENTRE: (
        (MilestoneKind.PICKED, MilestoneKind.PACKED, MilestoneKind.SHIPPED),
        (MilestoneKind.IN_TRANSIT, MilestoneKind.OUT_FOR_DELIVERY, MilestoneKind.DELIVERED),
    ),
    Variant.DIRECT_DROP: (
        (MilestoneKind.SHIPPED,),
        (MilestoneKind.IN_TRANSIT, MilestoneKind.DELIVERED),
    ),
}
"""Milestones of a shipment: by the warehouse or supplier, then by the carrier."""


@dataclass(frozen=True)
class HistoricShipment:
    """The packs of one order in a shipment, the delivery, and the moment it was reported."""

    shipment: str
    lines: tuple[ShippedLine, ...]
    delivered_on: date
    recorded_on: date
    carrier: str


@dataclass(frozen=True)
class HistoricOrder:
    """An order and what happened to it. `rows` are the rows of the file, line by line; empty when there is no file."""

    release: OrderRelease
    shipments: tuple[HistoricShipment, ...]
    rows: tuple[int, ...] = ()


@dataclass(frozen=True)
class ExpectedFigures:
    """The expected result of replaying the history, by its own dates."""

    orders: int
    shipments: int
    lines: int
    on_time_lines: int
    late_lines: int
    otif_orders: int


def release_by(variant: Variant, mode: TransportMode | None, days: Iterable[date]) -> date:
    """The last day on which an order can be released so that its lead time ends by the first of `days`."""
    return min(days) - timedelta(days=lead_days(variant, mode))


def released_at(day: date) -> datetime:
    """The moment on a day at which orders are released."""
    return datetime.combine(day, _RELEASE_TIME)


def expectations(orders: Iterable[HistoricOrder]) -> ExpectedFigures:
    """Count what the dates say: late is delivered after the day promised; OTIF is every line on time and in full."""
    orders = tuple(orders)
    late = [len(_late_lines(order)) for order in orders]
    lines = sum(len(order.release.lines) for order in orders)
    return ExpectedFigures(
        orders=len(orders),
        shipments=sum(len(order.shipments) for order in orders),
        lines=lines,
        on_time_lines=lines - sum(late),
        late_lines=sum(late),
        otif_orders=sum(1 for order, count in zip(orders, late, strict=True) if not count and _in_full(order)),
    )


def _late_lines(order: HistoricOrder) -> set[int]:
    due = {line.line: order.release.wanted_on(line) for line in order.release.lines}
    parts = ((part.line, shipment.delivered_on) for shipment in order.shipments for part in shipment.lines)
    return {line for line, delivered_on in parts if delivered_on > due[line]}


def _in_full(order: HistoricOrder) -> bool:
    shipped: Counter[int] = Counter()
    for shipment in order.shipments:
        for part in shipment.lines:
            shipped[part.line] += part.quantity
    return all(shipped[line.line] >= line.quantity for line in order.release.lines)


def plan(order: HistoricOrder, seed: int) -> OrderPlan:
    """What the partners will report: the events of each shipment, between the release and noon (UTC) of its delivery.

    Times between those two are not in the file; they are spread at random, the same for the same seed.
    """
    return OrderPlan(
        order=order.release.number,
        erp=network.ERP,
        variant=order.release.variant,
        shipments=tuple(
            PlannedShipment(
                shipment=shipment.shipment, lines=shipment.lines, events=_events(order.release, shipment, seed)
            )
            for shipment in order.shipments
        ),
    )


def _events(release: OrderRelease, shipment: HistoricShipment, seed: int) -> tuple[PlannedEvent, ...]:
    goods, carriage = _EVENTS[release.variant]
    told = [(kind, network.goods_partner(release)) for kind in goods] + [(kind, shipment.carrier) for kind in carriage]
    carried = {part.line for part in shipment.lines}
    due = min(release.wanted_on(line) for line in release.lines if line.line in carried)
    if shipment.delivered_on > due:
        told.insert(len(goods) + 1, (MilestoneKind.DELAYED, shipment.carrier))
    delivered = datetime.combine(shipment.delivered_on, _DELIVERY_TIME)
    return tuple(
        PlannedEvent(kind=kind, partner=partner, occurred_at=at, eta=delivered, reason=f"due on {due}")
        if kind is MilestoneKind.DELAYED
        else PlannedEvent(kind=kind, partner=partner, occurred_at=at)
        for (kind, partner), at in zip(told, _spread(release, shipment, delivered, len(told), seed), strict=True)
    )


def _spread(
    release: OrderRelease, shipment: HistoricShipment, delivered: datetime, count: int, seed: int
) -> Iterator[datetime]:
    """Rising whole seconds after the release, one in each of `count` equal spans; the last is the delivery."""
    chance = Random(f"{seed}/{release.number}/{shipment.shipment}")
    span = (delivered - release.released_at) / count
    for spans_left in range(count - 1, 0, -1):
        yield (delivered - span * (spans_left + chance.random() / 2)).replace(microsecond=0)
    yield delivered
