"""Billing: the customer's invoice is held while a delivery or its proof does not state what had left."""

from collections.abc import Iterator

from domain.milestones.signed import Mismatch
from domain.orders.decision import EffectCause, change
from domain.orders.state import OrderState
from schemas.messaging.effects import ChangeKind
from schemas.messaging.order_effects import OrderEffect
from schemas.orders.milestones import ShippedLine


def mismatches(state: OrderState) -> tuple[Mismatch, ...]:
    """Every delivery and proof of delivery that does not state what had left, but for packs that were written off as
    lost. A consolidated shipment is compared with what was merged into it."""
    return tuple(mismatch for _, found in sorted(state.tally.signed.items()) for mismatch in found)


def invoice(before: OrderState, state: OrderState, cause: EffectCause) -> tuple[OrderEffect, ...]:
    """Have the invoice held for a shipment that was signed for differently, and released when that is settled."""
    if before.tally.signed is state.tally.signed:
        return ()
    was, now = mismatches(before), mismatches(state)
    return (
        *_told(state, ChangeKind.INVOICE_HELD, now, {it.shipment for it in now} - {it.shipment for it in was}, cause),
        *_told(
            state, ChangeKind.INVOICE_RELEASED, was, {it.shipment for it in was} - {it.shipment for it in now}, cause
        ),
    )


def _told(
    state: OrderState, kind: ChangeKind, about: tuple[Mismatch, ...], shipments: set[str], cause: EffectCause
) -> Iterator[OrderEffect]:
    for shipment in sorted(shipments):
        lines = tuple(
            ShippedLine(line=it.line, quantity=abs(it.left - it.signed)) for it in about if it.shipment == shipment
        )
        yield change(state, kind, cause._replace(ref=f"{shipment}/{cause.ref}"), shipment=shipment, lines=lines)
