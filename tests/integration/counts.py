"""What must come out of a run, counted from the plans alone."""

from collections.abc import Sequence

from schemas.base import Variant
from schemas.orders.milestones import MilestoneKind as M
from simulators.world.happened import HistoricOrder, plan

TOLD_TO_ERP = {
    Variant.DISTRIBUTION_CENTRE: {M.PICKED, M.PACKED, M.SHIPPED, M.DELIVERED},
    Variant.DIRECT_DROP: {M.SHIPPED, M.DELIVERED},
}


def milestones_for_the_erp(orders: Sequence[HistoricOrder], seed: int) -> set[tuple[str, str]]:
    """Every (shipment, milestone) that the ERP is to be told."""
    return {
        (shipment.shipment or "", event.kind.value)
        for order in orders
        for shipment in plan(order, seed).shipments
        for event in shipment.events
        if event.kind in TOLD_TO_ERP[order.release.variant]
    }


def instructed(orders: Sequence[HistoricOrder]) -> int:
    """Orders that a warehouse is to be told of."""
    return sum(order.release.variant is Variant.DISTRIBUTION_CENTRE for order in orders)
