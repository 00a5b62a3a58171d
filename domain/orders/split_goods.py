"""Packs of an order apart from its lines: those that other sites send, that stay another item, that got lost.

With it and the lines as they are written, everybody's targets follow without the state. Most orders have none.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from domain.milestones.shipments import lines_of
from domain.orders.demand import OrderDemand
from domain.orders.fulfilment import OrderSourcing, OtherSource, PickedBefore
from domain.orders.state import OrderState
from schemas.orders.changes import Apart, PickedLine
from schemas.orders.release import LineDue


def apart(state: OrderState) -> Apart:
    """The packs apart from the lines of a state."""
    return Apart(
        sources=state.sourcing.elsewhere,
        kept=tuple(
            PickedLine(site=x.site, line=x.line, item=x.item, quantity=x.quantity) for x in state.sourcing.picked_before
        ),
        astray=state.demand.cancelled_after_issue,
    )


def changed(before: OrderState | None, state: OrderState) -> Apart | None:
    """The packs apart that a step has to write; None when what is written holds. A step of several inputs always writes
    it: a lost attempt may have written what only some of them had come to."""
    if before is None or state.version - before.version > 1:
        return apart(state)
    if before.sourcing is state.sourcing and before.demand is state.demand:
        return None
    same = before.demand.cancelled_after_issue == state.demand.cancelled_after_issue
    return None if same and before.sourcing == state.sourcing else apart(state)


@dataclass(frozen=True)
class OwnSite:
    """The order's own site."""

    site: str


@dataclass(frozen=True)
class WrittenOrder:
    """An order as it is written: lines with what is wanted of them, and what stands apart."""

    start: OwnSite
    lines: tuple[LineDue, ...]
    demand: OrderDemand
    sourcing: OrderSourcing

    def wanted(self, line: LineDue) -> int:
        """Packs of a line that are still to be delivered or were."""
        return line.quantity


def written(site: str, lines: Iterable[LineDue], beside: Apart) -> WrittenOrder:
    """The order that is written so. `lines`: with the packs that are wanted, cancelled ones taken off."""
    return WrittenOrder(
        OwnSite(site),
        tuple(lines),
        OrderDemand(cancelled_after_issue=beside.astray),
        OrderSourcing(
            sources=tuple(OtherSource(site=at, lines=lines_of(packs), ref="") for at, packs in beside.sources.items()),
            picked_before=tuple(
                PickedBefore(site=x.site, line=x.line, item=x.item, quantity=x.quantity) for x in beside.kept
            ),
        ),
    )
