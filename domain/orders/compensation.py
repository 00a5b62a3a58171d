"""Compensation: which operation undoes which. Run in reverse of what was done, each under a key of its own."""

from domain.milestones.variants import PLANS
from domain.orders.decision import EffectCause, effect
from domain.orders.state import WHOLE_ORDER, OrderState
from domain.orders.targets import sites
from schemas.messaging.effects import Operation
from schemas.messaging.order_effects import CancelWarehouse, InterceptShipment, OrderEffect, VoidTender
from schemas.orders.milestones import MilestoneKind

UNDO: dict[Operation, Operation] = {
    Operation.INSTRUCT_WAREHOUSE: Operation.CANCEL_WAREHOUSE,
    Operation.TENDER_TRANSPORT: Operation.VOID_TENDER,
}
UNDOING: dict[Operation, type[CancelWarehouse | VoidTender]] = {
    Operation.CANCEL_WAREHOUSE: CancelWarehouse,
    Operation.VOID_TENDER: VoidTender,
}


def undo(done: tuple[Operation, ...]) -> tuple[Operation, ...]:
    """The operations that take back `done`, last first. What needs no undoing is left out."""
    return tuple(UNDO[operation] for operation in reversed(done) if operation in UNDO)


def take_back(state: OrderState, cause: EffectCause) -> tuple[OrderEffect, ...]:
    """Undo everything that was instructed, last first: the parts that other sites were given, then the first site's.

    A warehouse stops, or puts away what it has picked. What has left is intercepted instead: see `intercept`.
    """
    instructed = PLANS[state.start.variant].instructions
    found: list[OrderEffect] = []
    for source in reversed(state.sources):
        for operation in undo(instructed):
            payload = UNDOING[operation](site=source.site, reason=cause.reason)
            found.append(effect(state, payload, cause, key=f"{operation}/{source.ref}"))
    for operation in undo(instructed):
        found.append(effect(state, UNDOING[operation](reason=cause.reason), cause, key=operation))
    return tuple(found)


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
        if it.left and not it.delivered_at and MilestoneKind.RETURNING not in it.seen and name != WHOLE_ORDER
    )
