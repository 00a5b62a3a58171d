"""From a decision to the record of it: what the database is told about a step."""

from domain import stock
from domain.decision import Decision
from domain.findings import UNTYPED, findings
from domain.shipments import ShipmentState
from domain.state import WHOLE_ORDER, OrderState
from domain.variants import RANK
from schemas.effects import Effect
from schemas.exceptions import ExceptionKind
from schemas.milestones import MilestoneKind
from schemas.orders import LineDue, OrderStatus, Promise
from schemas.records import LineRecord, Outcome, ShipmentRecord, StepRecord


def conditions(state: OrderState, waiting: tuple[Effect, ...] = ()) -> tuple[str, ...]:
    """Conditions beside the rank: on_hold, cancelling, delayed, exception, and the kinds of what is wrong."""
    found = []
    if state.held:
        found.append("on_hold")
    if state.cancelling and state.cancelled is None:
        found.append("cancelling")
    if state.promised_on > state.start.promise.promised_on:
        found.append("delayed")
    if any(name.startswith(UNTYPED) and trouble.open for name, trouble in state.troubles.items()):
        found.append("exception")
    named = {finding.kind for finding in findings(state, waiting)}
    return (*found, *sorted(named - {ExceptionKind.DELAY, ExceptionKind.UNKNOWN_CODE}))


def record(
    state: OrderState,
    decisions: list[Decision],
    outcomes: list[Outcome],
    first_promise: Promise | None = None,
    waiting: tuple[Effect, ...] = (),
    before: OrderState | None = None,
) -> StepRecord:
    """One record for all decisions of a step, taken on the state `before`. Lines, shipments and movements of stock are
    written when anything was applied."""
    moved = any(decision.superseded is None for decision in decisions) and first_promise is None
    return StepRecord(
        order=state.start.key,
        version=state.version,
        base=before.version if before else None,
        status=state.status,
        conditions=conditions(state, waiting),
        promised_on=state.promised_on,
        eta=state.eta,
        carrier=state.carrier,
        reason=state.cancelled,
        closed=state.closed or state.cancelled is not None,
        first_promise=first_promise,
        outcomes=tuple(outcomes),
        lines=tuple(line_record(state, line) for line in state.demand) if moved else (),
        shipments=_shipments(state) if moved else (),
        effects=tuple(effect for decision in decisions for effect in decision.effects),
        deltas=tuple(delta for decision in decisions for delta in decision.deltas),
        amended_by=tuple(message for decision in decisions for message in decision.amended_by),
        items={line: item for decision in decisions for line, item in decision.items.items()},
        sites=tuple(site for decision in decisions for site in decision.sites),
        proposals=tuple(it for decision in decisions for it in decision.proposals),
        decided=tuple(it for decision in decisions for it in decision.decided),
        notices=tuple(it for decision in decisions for it in decision.notices),
        moves=stock.moves(stock.of_order(before), stock.of_order(state)) if moved and before else {},
    )


def line_record(state: OrderState, line: LineDue) -> LineRecord:
    """A line's quantities: open + shipped + cancelled = ordered, and no later stage holds more than an earlier one."""
    promised = next(x.promised_on for x in state.promises if x.line == line.line)
    stages = {
        stage.value: state.moved(line, RANK[stage])
        for stage in (
            OrderStatus.ALLOCATED,
            OrderStatus.PICKED,
            OrderStatus.PACKED,
            OrderStatus.SHIPPED,
            OrderStatus.DELIVERED,
        )
    }
    came_back = sum(x.quantity for outcome in state.returned.values() for x in outcome.received if x.line == line.line)
    return LineRecord(
        line=line.line,
        item=line.item,
        ordered=line.quantity,
        cancelled=line.quantity - (stages["shipped"] if state.cancelled is not None else state.wanted(line)),
        returned=min(came_back, stages["shipped"]),
        promised_on=promised,
        delivered_at=state.delivered_at(line),
        **stages,
    )


def _shipments(state: OrderState) -> tuple[ShipmentRecord, ...]:
    return tuple(_shipment(name, it) for name, it in state.goods.items() if name != WHOLE_ORDER)


def _shipment(name: str, shipment: ShipmentState) -> ShipmentRecord:
    return ShipmentRecord(
        shipment=name,
        status=shipment.status if shipment.rank else OrderStatus.PROMISED,
        eta=shipment.eta.eta if shipment.eta else None,
        shipped_at=shipment.seen.get(MilestoneKind.SHIPPED),
        delivered_at=shipment.delivered_at,
    )
