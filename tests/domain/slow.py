"""What an order's quantities are, said as plainly as possible: every question looks at every shipment anew."""

from datetime import date, datetime, timedelta
from typing import Any

from domain.milestones.delay import redated
from domain.milestones.shipments import ShipmentState
from domain.milestones.variants import PLANS, RANK, STATUS_OF
from domain.orders import goods as stock
from domain.orders.state import NO_SHIPMENT, WHOLE_ORDER, OrderState
from schemas.ids import sender_rma
from schemas.orders.changes import LineRecord
from schemas.orders.milestones import MilestoneKind as M
from schemas.orders.release import LineDue, OrderStatus

GOODS = (M.SHIPPED, M.PACKED, M.PICKED, M.ALLOCATED)
ALLOCATED, PICKED, SHIPPED, DELIVERED = (
    RANK[s] for s in (OrderStatus.ALLOCATED, OrderStatus.PICKED, OrderStatus.SHIPPED, OrderStatus.DELIVERED)
)


def rank_of(it: ShipmentState) -> int:
    return max((RANK[STATUS_OF[kind]] for kind in it.seen if kind in STATUS_OF), default=0)


def said(it: ShipmentState, kind: M) -> dict[int, int]:
    at = GOODS.index(kind)
    nearest = (*GOODS[at:], *reversed(GOODS[:at]))
    return next((it.stated[other] for other in nearest if other in it.stated), {})


def packs(it: ShipmentState, line: int, rank: int) -> int:
    if rank <= SHIPPED:
        heard = [kind for kind in GOODS if kind in it.seen and RANK[STATUS_OF[kind]] >= rank]
        return max((said(it, kind).get(line, 0) for kind in heard), default=0)
    if M.SHIPPED not in it.seen or rank_of(it) < rank:
        return 0
    shipped = said(it, M.SHIPPED).get(line, 0)
    if rank >= DELIVERED and M.DELIVERED in it.stated:
        return min(shipped, it.stated[M.DELIVERED].get(line, 0))
    return shipped


def goods(state: OrderState) -> dict[str, ShipmentState]:
    holders = {name: into for into, it in sorted(state.reports.shipments.items()) for name in it.merges}
    return {
        name: it.travelling(state.reports.shipments.get(holders.get(name, "")) if name in holders else None)
        for name, it in sorted(state.reports.shipments.items())
        if not it.merges or name in it.merges
    }


def wanted(state: OrderState, line: LineDue) -> int:
    return max(0, line.quantity - state.demand.cancelled_quantity.get(line.line, 0))


def back(state: OrderState, shipment: str, line: int) -> int:
    outcome = state.reports.returns.get(sender_rma(shipment))
    return sum(x.quantity for x in outcome.received if x.line == line) if outcome else 0


def due(state: OrderState, line: LineDue) -> int:
    return max(0, wanted(state, line) - sum(back(state, name, line.line) for name in goods(state)))


def whole(state: OrderState) -> ShipmentState:
    return state.reports.shipments.get(WHOLE_ORDER, NO_SHIPMENT)


def moved(state: OrderState, line: LineDue, rank: int) -> int:
    if rank_of(whole(state)) >= rank:
        return wanted(state, line)
    return min(wanted(state, line), sum(packs(it, line.line, rank) for it in goods(state).values()))


def standing(state: OrderState, line: LineDue, rank: int) -> int:
    if rank_of(whole(state)) >= rank:
        return due(state, line)
    stayed = [max(0, packs(it, line.line, rank) - back(state, name, line.line)) for name, it in goods(state).items()]
    return min(due(state, line), sum(stayed))


def rank(state: OrderState) -> int:
    found = []
    for line in state.lines:
        if due(state, line):
            reached = (r for r in range(DELIVERED, 1, -1) if standing(state, line, r) >= due(state, line))
            found.append(next(reached, 1))
    return min(found, default=DELIVERED)


def carried(it: ShipmentState) -> dict[int, int]:
    return next((it.stated[kind] for kind in (*GOODS, M.CONSOLIDATED) if kind in it.stated), {})


def eta_of(state: OrderState, line: int) -> datetime | None:
    reports = [it.eta.eta for it in goods(state).values() if it.eta and line in carried(it)]
    of_all = whole(state).eta
    return max([*reports, *([of_all.eta] if of_all else [])], default=None)


def delivered_at(state: OrderState, line: LineDue) -> datetime | None:
    if not wanted(state, line) or moved(state, line, DELIVERED) < wanted(state, line):
        return None
    times = [it.delivered_at for it in goods(state).values() if line.line in carried(it)]
    return max((at for at in [*times, whole(state).delivered_at] if at), default=None)


def told(state: OrderState) -> dict[int, date]:
    """The days told after an ETA was heard: every line is looked at."""
    found = {}
    for line in (x.line for x in state.lines):
        first = state.due_by_supply(line)
        slack = timedelta(seconds=state.start.policy.eta_slack_s)
        day = redated(eta_of(state, line), first, state.promises.by_eta.get(line, first), slack)
        if day != first:
            found[line] = day
    return found


def missing(state: OrderState) -> tuple[tuple[str, M], ...]:
    required = {kind for kind, step in PLANS[state.start.variant].steps.items() if step.required}
    if state.start.proof_of_delivery_required:
        required.add(M.PROOF_OF_DELIVERY)
    found = goods(state)
    names = [name for name, it in found.items() if name != WHOLE_ORDER and it.seen] or [WHOLE_ORDER]
    return tuple(
        (name, kind)
        for name in names
        if M.RETURNING not in found.get(name, NO_SHIPMENT).seen
        for kind in sorted(required)
        if kind not in whole(state).seen and kind not in found.get(name, NO_SHIPMENT).seen
    )


def mismatches(state: OrderState) -> list[tuple[str, int, int, int]]:
    found = []
    for name, it in sorted(state.reports.shipments.items()):
        heard = [it.stated[kind] for kind in (M.DELIVERED, M.PROOF_OF_DELIVERY) if kind in it.stated]
        parts = [goods(state)[part] for part in it.merges or (name,) if part in goods(state)]
        if name == WHOLE_ORDER or not heard or not parts or any(M.SHIPPED not in part.seen for part in parts):
            continue
        for line in (x.line for x in state.lines):
            left = sum(packs(part, line, SHIPPED) for part in parts)
            signed = [lines.get(line, 0) for lines in heard]
            if max(signed) > left or min(signed) + state.demand.lost_quantity.get(line, 0) < left:
                found.append((name, line, left, max(signed) if max(signed) > left else min(signed)))
    return found


def odd(state: OrderState) -> dict[int, tuple[int, int]]:
    """Packs of a line that left beyond what was ordered, and that were picked and did not leave."""
    found = {}
    for line in state.lines:
        left = sum(packs(it, line.line, SHIPPED) for it in goods(state).values())
        stayed = sum(
            packs(it, line.line, PICKED) - packs(it, line.line, SHIPPED)
            for it in goods(state).values()
            if M.SHIPPED in it.seen
        )
        over = max(0, left - state.demand.lost_quantity.get(line.line, 0) - wanted(state, line))
        short = max(0, min(stayed, due(state, line) - standing(state, line, SHIPPED)))
        if over or short:
            found[line.line] = (over, short)
    return found


def record(state: OrderState, line: LineDue) -> LineRecord:
    stages: dict[str, Any] = {
        stage.value: moved(state, line, RANK[stage])
        for stage in (
            OrderStatus.ALLOCATED,
            OrderStatus.PICKED,
            OrderStatus.PACKED,
            OrderStatus.SHIPPED,
            OrderStatus.DELIVERED,
        )
    }
    came_back = sum(x.quantity for it in state.reports.returns.values() for x in it.received if x.line == line.line)
    arrived = delivered_at(state, line)
    return LineRecord(
        line=line.line,
        item=line.item,
        ordered=line.quantity,
        cancelled=line.quantity - (stages["shipped"] if state.ending.cancelled is not None else wanted(state, line)),
        returned=min(came_back, stages["shipped"]),
        promised_on=state.promises.by_eta.get(line.line) or state.due_by_supply(line.line),
        delivered_at=arrived,
        delivered_on=arrived.date() if arrived else None,
        **stages,
    )


def holdings(state: OrderState) -> stock.Holdings:
    """Where packs are, shipment by shipment."""
    held = stock.Holdings()
    own = state.start.variant.value == "distribution_centre"
    whole_rank = rank_of(whole(state))
    for line in state.lines:
        parts, rest = list[tuple[str, str, int, int, int]](), wanted(state, line)
        for name, it in goods(state).items():
            if name != WHOLE_ORDER:
                has = packs(it, line.line, SHIPPED if M.SHIPPED in it.seen else ALLOCATED)
                rest -= has
                allocated, shipped, delivered = (
                    max(packs(it, line.line, r), has if r <= whole_rank else 0) for r in stock.STAGES
                )
                parts.append((name, stock.site_of(state, it), allocated, shipped, delivered))
        allocated, shipped, delivered = (max(0, rest) if r <= whole_rank else 0 for r in stock.STAGES)
        parts.append(("", state.start.site, allocated, shipped, delivered))
        kept = (
            max(0, wanted(state, line) - sum(part[3] for part in parts))
            if own and state.ending.cancelled is None
            else 0
        )
        lost = state.demand.lost_quantity.get(line.line, 0)
        for name, site, allocated, shipped, delivered in parts:
            gone = min(lost, max(0, shipped - delivered - back(state, name, line.line)))
            ready = min(kept, max(0, allocated - shipped))
            lost, kept = lost - gone, kept - ready
            origin = f"on_hand:{site}" if own else f"supplier:{site}"
            for there, n in (
                (f"allocated:{site}", ready),
                (f"transit:{name or state.start.number}", shipped - delivered - gone),
                ("customer:", delivered),
                ("scrap:", gone),
            ):
                held[origin, line.item] -= n
                held[there, line.item] += n
    for short in state.issues.shortages.values():
        for x in short.lines if own else ():
            held[f"on_hand:{short.site}", short.items[x.line]] -= x.quantity
            held[f"adjustment:{short.site}", short.items[x.line]] += x.quantity
    return held
