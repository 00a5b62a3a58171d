"""Billing: the customer's invoice is held while a delivery or its proof does not state what had left."""

from collections.abc import Iterator
from typing import NamedTuple

from domain.decision import Cause, change
from domain.shipments import packs_of
from domain.state import WHOLE_ORDER, OrderState
from domain.variants import RANK
from schemas.effects import ChangeKind, Effect
from schemas.milestones import MilestoneKind as M
from schemas.milestones import ShippedLine
from schemas.orders import OrderStatus

SHIPPED = RANK[OrderStatus.SHIPPED]


class Mismatch(NamedTuple):
    """A line of which `left` packs had left with a shipment and another number was signed for."""

    shipment: str
    line: int
    left: int
    signed: int


def mismatches(state: OrderState) -> tuple[Mismatch, ...]:
    """Every delivery and proof of delivery that does not state what had left, but for packs that were written off as
    lost. A consolidated shipment is compared with what was merged into it."""
    return tuple(mismatch for name in sorted(state.shipments) for mismatch in _of_shipment(state, name))


def _of_shipment(state: OrderState, name: str) -> Iterator[Mismatch]:
    it = state.shipments[name]
    told = [it.stated[kind] for kind in (M.DELIVERED, M.PROOF_OF_DELIVERY) if kind in it.stated]
    parts = [state.goods[part] for part in it.merges or (name,) if part in state.goods]
    if name == WHOLE_ORDER or not told or not parts or any(M.SHIPPED not in part.seen for part in parts):
        return
    for line in state.demand:
        left = sum(part.packs(line.line, SHIPPED) for part in parts)
        signed = [packs_of(lines, line.line) for lines in told]
        if max(signed) > left or min(signed) + state.lost.get(line.line, 0) < left:
            yield Mismatch(name, line.line, left, max(signed) if max(signed) > left else min(signed))


def invoice(before: OrderState, state: OrderState, cause: Cause) -> tuple[Effect, ...]:
    """Have the invoice held for a shipment that was signed for differently, and released when that is settled."""
    was, now = mismatches(before), mismatches(state)
    return (
        *_told(state, ChangeKind.INVOICE_HELD, now, {it.shipment for it in now} - {it.shipment for it in was}, cause),
        *_told(
            state, ChangeKind.INVOICE_RELEASED, was, {it.shipment for it in was} - {it.shipment for it in now}, cause
        ),
    )


def _told(
    state: OrderState, kind: ChangeKind, about: tuple[Mismatch, ...], shipments: set[str], cause: Cause
) -> Iterator[Effect]:
    for shipment in sorted(shipments):
        lines = tuple(
            ShippedLine(line=it.line, quantity=abs(it.left - it.signed)) for it in about if it.shipment == shipment
        )
        yield change(state, kind, cause._replace(ref=f"{shipment}/{cause.ref}"), shipment=shipment, lines=lines)
