"""Signed packs against packs that had left: for each shipment on its own, so that it is compared once."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from domain.milestones.shipments import Packs, ShipmentState
from domain.milestones.variants import RANK
from schemas.orders.milestones import MilestoneKind as M
from schemas.orders.release import OrderStatus

SHIPPED = RANK[OrderStatus.SHIPPED]


class Mismatch(NamedTuple):
    """A line of which `left` packs had left with a shipment and another number was signed for."""

    shipment: str
    line: int
    left: int
    signed: int


def compared(
    name: str,
    it: ShipmentState,
    parts: Sequence[ShipmentState],
    demand: Iterable[int],
    lost: Mapping[int, int],
) -> tuple[Mismatch, ...]:
    """Where its delivery and proof of delivery do not state what had left, but for packs that were written off as lost.
    `parts`: the shipments that it is made of, itself alone when none were merged into it."""
    told = [it.stated[kind] for kind in (M.DELIVERED, M.PROOF_OF_DELIVERY) if kind in it.stated]
    if not name or not told or not parts or any(M.SHIPPED not in part.seen for part in parts):
        return ()
    left = _joined([part.reach[SHIPPED] for part in parts])
    if all(signed is left or signed == left for signed in told):
        return ()
    found = []
    for line in demand:
        packs, signed = left.get(line, 0), [lines.get(line, 0) for lines in told]
        if max(signed) > packs or min(signed) + lost.get(line, 0) < packs:
            found.append(Mismatch(name, line, packs, max(signed) if max(signed) > packs else min(signed)))
    return tuple(found)


def _joined(parts: list[Packs]) -> Packs:
    if len(parts) == 1:
        return parts[0]
    sums: dict[int, int] = {}
    for part in parts:
        for line, packs in part.items():
            sums[line] = sums.get(line, 0) + packs
    return sums
