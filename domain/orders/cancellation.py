"""Cancelling an order, and goods that come back to the sender.

An order of which nothing has left is cancelled at once: what was instructed is undone, last first. Goods that have left
are intercepted first; the order is cancelled when they are back. Each operation has a key of its own.
"""

from domain.milestones.shipments import lines_of
from domain.milestones.variants import PLANS, RANK
from domain.orders import writing_off
from domain.orders.decision import Decision, EffectCause, change, effect, lines_open
from domain.orders.state import NO_SHIPMENT, WHOLE_ORDER, OrderState
from domain.orders.targets import sites
from schemas.ids import sender_rma
from schemas.messaging.effects import ChangeKind, Operation
from schemas.messaging.order_effects import (
    CancelWarehouse,
    ConfirmCancellation,
    InterceptShipment,
    OrderEffect,
    VoidTender,
)
from schemas.orders.milestones import MilestoneEvent, ShippedLine
from schemas.orders.milestones import MilestoneKind as M
from schemas.orders.release import CancelRequest, OrderStatus
from schemas.workflows.returns import ReturnStart

DELIVERED = RANK[OrderStatus.DELIVERED]
BROUGHT_BACK = "the carrier brings it back"
UNDO: dict[Operation, Operation] = {
    Operation.INSTRUCT_WAREHOUSE: Operation.CANCEL_WAREHOUSE,
    Operation.TENDER_TRANSPORT: Operation.VOID_TENDER,
}
"""Which operation undoes which."""
UNDOING: dict[Operation, type[CancelWarehouse | VoidTender]] = {
    Operation.CANCEL_WAREHOUSE: CancelWarehouse,
    Operation.VOID_TENDER: VoidTender,
}
"""The payload of each operation that undoes another."""


def refusal(state: OrderState) -> str | None:
    """Why the order cannot be cancelled, and what is possible instead; None when it can."""
    delivered = any(state.moved(line, DELIVERED) for line in state.lines)
    if delivered:
        return f"goods of the order were delivered: authorise a return (POST /v1/orders/{state.start.number}/returns)"
    if state.goods.get(WHOLE_ORDER, NO_SHIPMENT).left and not (under_way(state) or state.coming_back):
        return "the goods have left under no shipment number: the carrier cannot be asked to bring them back"
    return None


def cancel(state: OrderState, request: CancelRequest, cause: EffectCause) -> Decision:
    """Cancel: undo in reverse, confirm to the ERP when everything is undone.

    Goods that have left are intercepted first; the order is cancelled when they are back.
    """
    if under_way(state) or state.coming_back:
        stopping = state.with_changes(ending={"cancelling": request.reason})
        told = change(stopping, ChangeKind.INTERCEPTED, cause)
        return Decision(
            state=stopping,
            effects=(*intercept(stopping, cause), told),
            done="the carrier is asked to bring the goods back; the order is cancelled when they are",
        )
    return confirmed(state.with_changes(ending={"cancelled": request.reason}), take_back(state, cause), cause)


def take_back(state: OrderState, cause: EffectCause) -> tuple[OrderEffect, ...]:
    """Undo everything that was instructed, last first: the parts that other sites were given, then the first site's.

    A warehouse stops, or puts away what it has picked. What has left is intercepted instead: see `intercept`.
    """
    instructed = PLANS[state.start.variant].instructions
    found: list[OrderEffect] = []
    for source in reversed(state.sourcing.sources):
        for operation in undo(instructed):
            payload = UNDOING[operation](site=source.site, reason=cause.reason)
            found.append(effect(state, payload, cause, key=f"{operation}/{source.ref}"))
    for operation in undo(instructed):
        found.append(effect(state, UNDOING[operation](reason=cause.reason), cause, key=operation))
    return tuple(found)


def undo(done: tuple[Operation, ...]) -> tuple[Operation, ...]:
    """The operations that take back `done`, last first. What needs no undoing is left out."""
    return tuple(UNDO[operation] for operation in reversed(done) if operation in UNDO)


def intercept(state: OrderState, cause: EffectCause) -> tuple[OrderEffect, ...]:
    """Bring back what is under way, and stop what has not left. The tender stays: its carrier does the interception."""
    stopped = bring_back(state, under_way(state), cause)
    if Operation.INSTRUCT_WAREHOUSE not in PLANS[state.start.variant].instructions:
        return stopped
    kept = tuple(
        effect(state, CancelWarehouse(site=site, reason=cause.reason), cause, key=f"cancel_warehouse/{site}")
        for site in sites(state)
    )
    return (*stopped, *kept)


def bring_back(state: OrderState, shipments: tuple[str, ...], cause: EffectCause) -> tuple[OrderEffect, ...]:
    """Have the carrier stop these shipments under way, the last one first, and bring them back."""
    return tuple(
        effect(state, InterceptShipment(shipment=name, reason=cause.reason), cause, key=f"{name}/intercept")
        for name in reversed(shipments)
    )


def under_way(state: OrderState) -> tuple[str, ...]:
    """Shipments that have left, have not been delivered, and are not on their way back."""
    return tuple(
        name
        for name, it in state.goods.items()
        if it.left and not it.delivered_at and M.RETURNING not in it.seen and name != WHOLE_ORDER
    )


def confirmed(state: OrderState, undone: tuple[OrderEffect, ...], cause: EffectCause) -> Decision:
    """The last of a cancellation: the ERP is told when everything before it was carried out."""
    payload = ConfirmCancellation(reason=cause.reason)
    confirmation = effect(state, payload, cause, key=payload.operation)
    return Decision(state=state, effects=(*undone, confirmation), done=f"cancelled: {cause.reason}")


def too_late_to_stop(before: OrderState, state: OrderState, cause: EffectCause) -> tuple[OrderEffect, ...]:
    """What has left although the order was being cancelled is intercepted as well."""
    if state.ending.cancelling is None:
        return ()
    known = under_way(before)
    cause = cause._replace(reason=state.ending.cancelling)
    return bring_back(state, tuple(name for name in under_way(state) if name not in known), cause)


def settled(state: OrderState, cause: EffectCause) -> Decision:
    """A cancellation under way ends when nothing is left to come back: the order is cancelled, or, when some of its
    goods were delivered all the same, what is open of it."""
    if state.ending.cancelling is None or state.ending.cancelled is not None or under_way(state) or state.coming_back:
        return Decision(state=state)
    cause = cause._replace(reason=state.ending.cancelling)
    if not any(state.moved(line, DELIVERED) for line in state.lines):
        return confirmed(state.with_changes(ending={"cancelled": state.ending.cancelling}), (), cause)
    left = lines_open(state, DELIVERED)
    return writing_off.drop(state, left, cause) if left else Decision(state=state)


def returns(before: OrderState, state: OrderState, event: MilestoneEvent) -> tuple[ReturnStart, ...]:
    """Goods that come back to the sender are received, inspected and booked by a return of their own for each shipment,
    as soon as it is known what that carries."""
    known = _homebound(before)
    reason = (event.reason if event.kind is M.RETURNING else None) or BROUGHT_BACK
    cause = EffectCause(event.partner, event.received_at, reason, event.traceparent)
    return tuple(_return(state, name, lines, cause) for name, lines in _homebound(state).items() if name not in known)


def homeward(state: OrderState) -> tuple[ReturnStart, ...]:
    """The returns for all that comes back to the sender, for an order that begins again."""
    cause = EffectCause(state.carrier, state.start.accepted_at, BROUGHT_BACK, state.start.traceparent)
    return tuple(_return(state, name, lines, cause) for name, lines in _homebound(state).items())


def _return(state: OrderState, shipment: str, lines: tuple[ShippedLine, ...], cause: EffectCause) -> ReturnStart:
    return ReturnStart(
        order=state.start.key,
        rma=sender_rma(shipment),
        reason=cause.reason,
        lines=lines,
        items={line.line: line.item for line in state.lines},
        site=state.start.site,
        region=state.start.region,
        sender=True,
        collect=False,
        by=cause.ref,
        accepted_at=cause.accepted_at,
        traceparent=cause.traceparent,
    )


def _homebound(state: OrderState) -> dict[str, tuple[ShippedLine, ...]]:
    """The packs of each shipment that comes back, of those of which it is known."""
    goods = state.goods
    found = {name: lines_of(goods[name].stated.get(M.RETURNING, goods[name].lines)) for name in state.coming_back}
    if WHOLE_ORDER in found and not found[WHOLE_ORDER]:
        found[WHOLE_ORDER] = tuple(ShippedLine(line=x.line, quantity=state.due(x)) for x in state.lines if state.due(x))
    return {name: lines for name, lines in found.items() if lines}
