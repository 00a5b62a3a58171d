"""Where the packs of an order or a return are, as a function of its state; a movement is the difference of two states.

So whatever is reported, in whatever order, however often: the books follow, and what left one place is at another.
"""

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from domain.parties import warehouse_partner
from domain.returning import ReturnFile
from domain.shipments import ShipmentState
from domain.sourcing import sites
from domain.state import NO_SHIPMENT, SENDER, WHOLE_ORDER, OrderState
from domain.variants import RANK
from schemas.base import Variant
from schemas.milestones import Disposition
from schemas.milestones import MilestoneKind as M
from schemas.orders import LineDue, OrderStatus
from schemas.stock import Bucket, Moves, place

ALLOCATED, SHIPPED, DELIVERED = STAGES = tuple(
    RANK[stage] for stage in (OrderStatus.ALLOCATED, OrderStatus.SHIPPED, OrderStatus.DELIVERED)
)

Holdings = Counter[tuple[str, str]]
"""(place, item) → packs that are there instead of where they came from, which has so many less."""


class Part(NamedTuple):
    """Packs of a line in one shipment by how far they are, and the site that they come from."""

    shipment: str
    site: str
    allocated: int
    shipped: int
    delivered: int


def of_order(state: OrderState) -> Holdings:
    """Packs of an order. What comes back is booked by its return."""
    held = Holdings()
    for line in state.demand:
        parts = list(_parts(state, line))
        kept = _still_allocated(state, line, parts)
        lost = state.lost.get(line.line, 0)
        for part in parts:
            origin = _origin(state, part.site)
            under_way = part.shipped - part.delivered
            gone = min(lost, max(0, under_way - state.back(part.shipment, line.line)))
            lost -= gone
            ready = min(kept, max(0, part.allocated - part.shipped))
            kept -= ready
            _put(held, line.item, origin, place(Bucket.ALLOCATED, part.site), ready)
            transit = place(Bucket.TRANSIT, part.shipment or state.start.number)
            _put(held, line.item, origin, transit, under_way - gone)
            _put(held, line.item, origin, place(Bucket.CUSTOMER), part.delivered)
            _put(held, line.item, origin, place(Bucket.SCRAP), gone)
    _cut(state, held)
    return held


def of_return(state: ReturnFile) -> Holdings:
    """Packs that came back: received, and put back into stock or scrapped after inspection."""
    start, held = state.start, Holdings()
    shipment = start.rma.removeprefix(SENDER) or start.order.split("/", 1)[1]
    origin = place(Bucket.TRANSIT, shipment) if start.sender else place(Bucket.CUSTOMER)
    restocked, scrapped = (state.counted(disposition) for disposition in (Disposition.RESTOCK, Disposition.SCRAP))
    for line, item in start.items.items():
        waiting = state.received[line] - restocked[line] - scrapped[line]
        _put(held, item, origin, place(Bucket.RETURNS, start.site), waiting)
        _put(held, item, origin, place(Bucket.ON_HAND, start.site), restocked[line])
        _put(held, item, origin, place(Bucket.SCRAP), scrapped[line])
    return held


def moves(before: Holdings, after: Holdings) -> Moves:
    """What was booked between two states."""
    found: Moves = {}
    for name, item in sorted({*before, *after}):
        packs = after[name, item] - before[name, item]
        if packs:
            found.setdefault(name, {})[item] = packs
    return found


def _put(held: Holdings, item: str, origin: str, there: str, packs: int) -> None:
    if packs:
        held[origin, item] -= packs
        held[there, item] += packs


def _parts(state: OrderState, line: LineDue) -> Iterator[Part]:
    """What each shipment carries of a line. What was reported of the whole order holds for every shipment, and for the
    packs that no shipment has."""
    whole = state.goods.get(WHOLE_ORDER, NO_SHIPMENT).rank
    rest = state.wanted(line)
    for name, it in state.goods.items():
        if name != WHOLE_ORDER:
            carried = it.packs(line.line, SHIPPED if M.SHIPPED in it.seen else ALLOCATED)
            rest -= carried
            packs = [max(it.packs(line.line, rank), carried if rank <= whole else 0) for rank in STAGES]
            yield Part(name, _site(state, it), *packs)
    yield Part(WHOLE_ORDER, state.start.site, *(max(0, rest) if rank <= whole else 0 for rank in STAGES))


def _still_allocated(state: OrderState, line: LineDue, parts: list[Part]) -> int:
    """Packs that are set aside and still wanted: the rest was put away."""
    if state.cancelled is not None or state.start.variant is not Variant.DISTRIBUTION_CENTRE:
        return 0
    return max(0, state.wanted(line) - sum(part.shipped for part in parts))


def _site(state: OrderState, shipment: ShipmentState) -> str:
    return next((s for s in sites(state) if warehouse_partner(s) == shipment.warehouse), state.start.site)


def _origin(state: OrderState, site: str) -> str:
    own = state.start.variant is Variant.DISTRIBUTION_CENTRE
    return place(Bucket.ON_HAND if own else Bucket.SUPPLIER, site)


def _cut(state: OrderState, held: Holdings) -> None:
    """What a site could not pick is not there, whatever its books said."""
    if state.start.variant is Variant.DISTRIBUTION_CENTRE:
        for short in state.shorts.values():
            for line in short.lines:
                there, gone = place(Bucket.ON_HAND, short.site), place(Bucket.ADJUSTMENT, short.site)
                _put(held, short.items[line.line], there, gone, line.quantity)
