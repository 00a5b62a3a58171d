"""What a warehouse is told of an order, by operation: each function has the name of its operation."""

from schemas.messaging.effects import Effect, LineTarget
from schemas.messaging.instructions import (
    ReturnNotice,
    WarehouseAmendment,
    WarehouseCancellation,
    WarehouseHold,
    WarehouseInstruction,
)
from schemas.orders.release import OrderLine, OrderRelease


def site_of(effect: Effect, release: OrderRelease) -> str:
    """The warehouse meant: the order's own unless the effect names another."""
    return effect.site or release.site or ""


def instruct_warehouse(effect: Effect, release: OrderRelease) -> WarehouseInstruction:
    """The pick instruction: the whole order, or the packs that the effect names."""
    return WarehouseInstruction(
        order=release.number,
        site=site_of(effect, release),
        revision=effect.revision,
        lines=_part(release.lines, effect.targets) if effect.targets else release.lines,
        ship_to=release.ship_to,
        priority=release.priority,
        promised_on=effect.promised_on or release.requested_on,
    )


def amend_warehouse(effect: Effect, release: OrderRelease) -> WarehouseAmendment:
    """What a site is to have now of the lines that changed."""
    return WarehouseAmendment(
        order=release.number,
        site=site_of(effect, release),
        revision=effect.revision,
        lines=effect.targets,
        ship_to=release.ship_to if effect.address else None,
        promised_on=effect.promised_on,
        reason=effect.reason,
    )


def hold_warehouse(effect: Effect, release: OrderRelease) -> WarehouseHold:
    """The work of a site stops."""
    return WarehouseHold(order=release.number, revision=effect.revision, on=True, reason=effect.reason)


def resume_warehouse(effect: Effect, release: OrderRelease) -> WarehouseHold:
    """A site goes on."""
    return WarehouseHold(order=release.number, revision=effect.revision, on=False, reason=effect.reason)


def cancel_warehouse(effect: Effect, release: OrderRelease) -> WarehouseCancellation:
    """The pick instruction is taken back."""
    return WarehouseCancellation(order=release.number, revision=effect.revision, reason=effect.reason)


def expect_return(effect: Effect, release: OrderRelease) -> ReturnNotice:
    """Goods come back."""
    return ReturnNotice(order=release.number, rma=effect.rma, lines=effect.lines, reason=effect.reason)


def _part(lines: tuple[OrderLine, ...], targets: tuple[LineTarget, ...]) -> tuple[OrderLine, ...]:
    """What an effect names, as order lines. What the release says of an item goes with it, unless it came later."""
    known = {(x.line, x.item): x for x in lines}
    new = ((it, known.get((it.line, it.item), OrderLine(line=it.line, item=it.item, quantity=1))) for it in targets)
    return tuple(line.model_copy(update={"quantity": it.quantity}) for it, line in new if it.quantity)
