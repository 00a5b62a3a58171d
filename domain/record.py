"""From a decision to the record of it: what the database is told about a step."""

from domain.lifecycle import Decision
from domain.state import WHOLE_ORDER, OrderState, ShipmentState
from domain.variants import RANK
from schemas.milestones import MilestoneKind
from schemas.orders import OrderStatus, Promise
from schemas.records import LineRecord, Outcome, ShipmentRecord, StepRecord


def record(
    state: OrderState, decisions: list[Decision], outcomes: list[Outcome], first_promise: Promise | None = None
) -> StepRecord:
    """One record for all decisions of a step. Lines and shipments are written when any event was applied."""
    moved = any(outcome.superseded is None for outcome in outcomes) and first_promise is None
    return StepRecord(
        order=state.start.key,
        version=state.version,
        status=state.status,
        conditions=state.conditions,
        promised_on=state.promised_on,
        eta=state.eta,
        carrier=state.carrier,
        reason=state.cancelled,
        closed=state.closed or state.cancelled is not None,
        first_promise=first_promise,
        outcomes=tuple(outcomes),
        lines=_lines(state) if moved else (),
        shipments=_shipments(state) if moved else (),
        effects=tuple(effect for decision in decisions for effect in decision.effects),
        deltas=tuple(delta for decision in decisions for delta in decision.deltas),
    )


def _lines(state: OrderState) -> tuple[LineRecord, ...]:
    promised = {promise.line: promise.promised_on for promise in state.promises}
    return tuple(
        LineRecord(
            line=line.line,
            shipped=state.moved(line, RANK[OrderStatus.SHIPPED]),
            delivered=state.moved(line, RANK[OrderStatus.DELIVERED]),
            promised_on=promised[line.line],
            delivered_at=state.delivered_at(line),
        )
        for line in state.start.lines
    )


def _shipments(state: OrderState) -> tuple[ShipmentRecord, ...]:
    return tuple(_shipment(name, it) for name, it in sorted(state.shipments.items()) if name != WHOLE_ORDER)


def _shipment(name: str, shipment: ShipmentState) -> ShipmentRecord:
    return ShipmentRecord(
        shipment=name,
        status=shipment.status if shipment.rank else OrderStatus.PROMISED,
        eta=shipment.eta.eta if shipment.eta else None,
        shipped_at=shipment.seen.get(MilestoneKind.SHIPPED),
        delivered_at=shipment.delivered_at,
    )
