"""From a decision to the record of it: what the database is told about a step."""

from collections.abc import Callable, Iterator
from datetime import date, datetime
from typing import NamedTuple

from domain.days import day_of
from domain.milestones.line_sums import differing
from domain.milestones.shipments import ShipmentState
from domain.milestones.tally import shipments_between, touched_lines
from domain.milestones.variants import RANK
from domain.orders import split_goods
from domain.orders.decision import Decision
from domain.orders.findings import findings
from domain.orders.issues import UNTYPED, IssueKey
from domain.orders.state import OrderState
from domain.planning import open_demand
from domain.records import booked
from schemas.cases.exceptions import ExceptionKind
from schemas.changes import Change, joined
from schemas.finance.freight import GoodsIssued
from schemas.inventory.stock import StockMoved
from schemas.messaging.effects import Effect
from schemas.messaging.order_effects import sent_elsewhere
from schemas.messaging.owed import EffectsPlanned
from schemas.orders.changes import (
    ApartChanged,
    LineRecord,
    LinesChanged,
    OrderPromised,
    OrderViewChanged,
    ReleaseAmended,
    ShipmentRecord,
    ShipmentsChanged,
)
from schemas.orders.milestones import MilestoneKind
from schemas.orders.release import LineDue, OrderStatus, Promise
from schemas.planning.movements import OpenDemand, PlanningMoved
from schemas.workflows.records import StepRecord

_STAGES = tuple(
    RANK[stage]
    for stage in (
        OrderStatus.ALLOCATED,
        OrderStatus.PICKED,
        OrderStatus.PACKED,
        OrderStatus.SHIPPED,
        OrderStatus.DELIVERED,
    )
)


def conditions(state: OrderState, waiting: tuple[Effect, ...] = ()) -> tuple[str, ...]:
    """Conditions beside the rank: on_hold, cancelling, delayed, exception, and the kinds of what is wrong."""
    found = []
    if state.ending.held:
        found.append("on_hold")
    if state.ending.cancelling and state.ending.cancelled is None:
        found.append("cancelling")
    if state.promised_on > state.start.promise.promised_on:
        found.append("delayed")
    if any(
        issue.open and IssueKey.parse(name).cause == UNTYPED for name, issue in state.issues.reported_issues.items()
    ):
        found.append("exception")
    named = {finding.kind for finding in findings(state, waiting)}
    return (*found, *sorted(named - {ExceptionKind.DELAY, ExceptionKind.UNKNOWN_CODE}))


def order_record(
    state: OrderState,
    decisions: list[Decision],
    first_promise: Promise | None = None,
    waiting: tuple[Effect, ...] = (),
    before: OrderState | None = None,
) -> StepRecord:
    """One record for all decisions of a step, taken on the state `before`. Lines, shipments and movements of stock are
    written when anything was applied: those that differ from before."""
    changes: list[Change] = [_view(state, waiting)]
    if first_promise:
        changes.append(OrderPromised(promise=first_promise))
    elif any(decision.superseded is None for decision in decisions):
        changes += _progress(before, state, decisions)
    changes += joined(change for decision in decisions for change in _decided(decision))
    if (demand := open_demand.changed(before, state)) is not None:
        changes.append(OpenDemand(rows=demand))
    if (stands := split_goods.changed(before, state)) is not None:
        changes.append(ApartChanged(apart=stands))
    return StepRecord(order=state.start.key, version=state.version, changes=tuple(changes))


def _view(state: OrderState, waiting: tuple[Effect, ...]) -> OrderViewChanged:
    return OrderViewChanged(
        status=state.status,
        conditions=conditions(state, waiting),
        promised_on=state.promised_on,
        eta=state.eta,
        carrier=state.carrier,
        reason=state.ending.cancelled,
        closed=state.ending.closed or state.ending.cancelled is not None,
    )


def _progress(before: OrderState | None, state: OrderState, decisions: list[Decision]) -> Iterator[Change]:
    """How far goods have come: lines, shipments, stock."""
    if lines := _lines(before, state, decisions):
        yield LinesChanged(lines=lines)
    if shipments := _shipments(before, state):
        yield ShipmentsChanged(shipments=shipments)
    moves, issued = booked.moves(before, state) if before else ({}, {})
    if moves:
        yield StockMoved(moves=moves)
    if issued:
        yield GoodsIssued(issued=issued)


def _decided(decision: Decision) -> Iterator[Change]:
    """The changes that a decision names itself."""
    yield from decision.changes
    if decision.effects:
        yield EffectsPlanned(effects=decision.effects)
    if decision.deltas:
        yield PlanningMoved(deltas=decision.deltas)


class _Figures(NamedTuple):
    """A line's quantities and days. `counts`: packs by stage, and those that came back."""

    line: int
    item: str
    ordered: int
    cancelled: int
    counts: tuple[int, ...]
    promised_on: date
    delivered_at: datetime | None
    delivered_on: date | None


def line_record(state: OrderState, line: LineDue) -> LineRecord:
    """A line's quantities: open + shipped + cancelled = ordered, and no later stage holds more than an earlier one."""
    return _row(_figures(state)(line))


def _row(figures: _Figures) -> LineRecord:
    line, item, ordered, cancelled, counts, promised_on, delivered_at, delivered_on = figures
    allocated, picked, packed, shipped, delivered, returned = counts
    return LineRecord(
        line=line,
        item=item,
        ordered=ordered,
        cancelled=cancelled,
        allocated=allocated,
        picked=picked,
        packed=packed,
        shipped=shipped,
        delivered=delivered,
        returned=returned,
        promised_on=promised_on,
        delivered_at=delivered_at,
        delivered_on=delivered_on,
    )


def _figures(state: OrderState) -> Callable[[LineDue], _Figures]:
    """Figures that are looked up once for all lines, and the record of one line from them."""
    tally, days, dropped, cancelled = (
        state.tally,
        state.promise_days,
        state.demand.cancelled_quantity,
        state.ending.cancelled is not None,
    )
    whole, back = tally.whole.rank, tally.back
    reached = [None if rank <= whole else tally.reached[rank] for rank in _STAGES]

    def figures(line: LineDue) -> _Figures:
        number, ordered = line.line, line.quantity
        wanted = max(0, ordered - dropped.get(number, 0))
        stages = [wanted if there is None else min(wanted, there.get(number, 0)) for there in reached]
        shipped, delivered = stages[-2:]
        gone = ordered - (shipped if cancelled else wanted)
        came_back = min(back.get(number, 0), shipped)
        arrived = tally.delivered_at(number) if wanted and delivered == wanted else None
        counts = (*stages, came_back)
        arrived_on = day_of(arrived, state.start.there) if arrived else None
        return _Figures(number, line.item, ordered, gone, counts, days[number], arrived, arrived_on)

    return figures


def _lines(before: OrderState | None, state: OrderState, decisions: list[Decision]) -> tuple[LineRecord, ...]:
    """The lines that differ. Reservations follow what an amendment or a substitution leaves of every line, and what
    another site sends from now on: these are among them."""
    said = (change for decision in decisions for change in decision.changes)
    if before is None or any(isinstance(change, ReleaseAmended) for change in said):
        return tuple(line_record(state, line) for line in state.lines)
    moved = sent_elsewhere(effect for decision in decisions for effect in decision.effects)
    sent = {x.line for lines in moved.values() for x in lines}
    concerned, found = _concerned(before, state), []
    figures, earlier = _figures(state), _figures(before)
    for line in state.lines if concerned is None else (state.by_line[n] for n in sorted(concerned | sent)):
        now, known = figures(line), before.by_line.get(line.line)
        if line.line in sent or known is None or earlier(known) != now:
            found.append(_row(now))
    return tuple(found)


def _concerned(before: OrderState, state: OrderState) -> set[int] | None:
    """Lines that may differ; None when all may."""
    was, now = before.tally, state.tally
    whole = (was.whole.rank, was.whole.delivered_at) != (now.whole.rank, now.whole.delivered_at)
    if whole or (before.ending.cancelled is None) != (state.ending.cancelled is None):
        return None
    found = touched_lines(was, now, _STAGES) | differing(was.delivered, now.delivered)
    found |= differing(before.promise_days, state.promise_days) | differing(
        before.demand.cancelled_quantity, state.demand.cancelled_quantity
    )
    return (found | differing(before.by_line, state.by_line)) & state.by_line.keys()


def _shipments(before: OrderState | None, state: OrderState) -> tuple[ShipmentRecord, ...]:
    if before is None:
        return tuple(
            _shipment(name, it) for name, it in sorted({**state.reports.shipments, **state.goods}.items()) if name
        )
    changed = [(name, it, was) for name, was, it in shipments_between(before.tally, state.tally) if it]
    changed += [
        (name, it, before.goods.get(name) or before.reports.shipments.get(name)) for name, it in _merged(before, state)
    ]
    rows = ((_shipment(name, it), _shipment(name, was) if was else None) for name, it, was in changed if name)
    return tuple(sorted((now for now, known in rows if now != known), key=lambda it: it.shipment))


def _merged(before: OrderState, state: OrderState) -> list[tuple[str, ShipmentState]]:
    """Shipments that others were merged into and that changed: shown, although they carry no packs of their own."""
    if before.reports.shipments is state.reports.shipments:
        return []
    changed = (
        (name, it) for name, it in state.reports.shipments.items() if before.reports.shipments.get(name) is not it
    )
    return [(name, it) for name, it in changed if it.merges and name not in it.merges]


def _shipment(name: str, shipment: ShipmentState) -> ShipmentRecord:
    return ShipmentRecord(
        shipment=name,
        status=shipment.status if shipment.rank else OrderStatus.PROMISED,
        eta=shipment.eta.eta if shipment.eta else None,
        shipped_at=shipment.seen.get(MilestoneKind.SHIPPED),
        delivered_at=shipment.delivered_at,
    )
