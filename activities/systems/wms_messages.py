"""What a warehouse is told of an order, by operation: each function has the name of its operation."""

from schemas.messaging.effects import Effect, LineTarget
from schemas.messaging.instructions import (
    ReturnNotice,
    WarehouseAmendment,
    WarehouseCancellation,
    WarehouseHold,
    WarehouseInstruction,
)
from schemas.messaging.order_effects import (
    AmendWarehouse,
    CancelWarehouse,
    ExpectReturn,
    HoldWarehouse,
    InstructWarehouse,
    ResumeWarehouse,
)
from schemas.orders.release import OrderLine, OrderRelease


def site_of(effect: Effect, release: OrderRelease) -> str:
    """The warehouse meant: the order's own unless the effect names another."""
    return effect.topic.site or release.site or ""


def instruct_warehouse(effect: Effect[InstructWarehouse], release: OrderRelease) -> WarehouseInstruction:
    """The pick instruction: the whole order, or the packs that the effect names."""
    told = effect.payload
    return WarehouseInstruction(
        order=release.number,
        site=site_of(effect, release),
        revision=effect.revision,
        lines=_part(release.lines, told.targets) if told.targets else release.lines,
        ship_to=release.ship_to,
        priority=release.priority,
        promised_on=told.promised_on,
    )


def amend_warehouse(effect: Effect[AmendWarehouse], release: OrderRelease) -> WarehouseAmendment:
    """What a site is to have now of the lines that changed."""
    told = effect.payload
    return WarehouseAmendment(
        order=release.number,
        site=site_of(effect, release),
        revision=effect.revision,
        lines=told.targets,
        ship_to=None if told.address_from is None else release.ship_to,
        promised_on=told.promised_on,
        reason=told.reason,
    )


def hold_warehouse(effect: Effect[HoldWarehouse], release: OrderRelease) -> WarehouseHold:
    """The work of a site stops."""
    return WarehouseHold(order=release.number, revision=effect.revision, on=True, reason=effect.payload.reason)


def resume_warehouse(effect: Effect[ResumeWarehouse], release: OrderRelease) -> WarehouseHold:
    """A site goes on."""
    return WarehouseHold(order=release.number, revision=effect.revision, on=False, reason=effect.payload.reason)


def cancel_warehouse(effect: Effect[CancelWarehouse], release: OrderRelease) -> WarehouseCancellation:
    """The pick instruction is taken back."""
    return WarehouseCancellation(order=release.number, revision=effect.revision, reason=effect.payload.reason)


def expect_return(effect: Effect[ExpectReturn], release: OrderRelease) -> ReturnNotice:
    """Goods come back."""
    told = effect.payload
    return ReturnNotice(order=release.number, rma=told.rma, lines=told.lines, reason=told.reason)


def _part(lines: tuple[OrderLine, ...], targets: tuple[LineTarget, ...]) -> tuple[OrderLine, ...]:
    """What an effect names, as order lines. What the release says of an item goes with it, unless it came later."""
    known = {(x.line, x.item): x for x in lines}
    new = ((it, known.get((it.line, it.item), OrderLine(line=it.line, item=it.item, quantity=1))) for it in targets)
    return tuple(line.model_copy(update={"quantity": it.quantity}) for it, line in new if it.quantity)
