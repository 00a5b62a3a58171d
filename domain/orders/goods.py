"""Where the packs of an order or a return are, as a function of its state; a movement is the difference of two states.

So whatever is reported, in whatever order, however often: the books follow, and what left one place is at another.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from domain.milestones.shipments import ShipmentState
from domain.milestones.variants import RANK
from domain.orders.issues import Shortage
from domain.orders.state import WHOLE_ORDER, OrderState
from domain.orders.targets import sites
from domain.partners.parties import warehouse_partner
from domain.returns.returning import ReturnFile
from schemas.base import Variant
from schemas.ids import Subject, shipment_back
from schemas.inventory.stock import Bucket, Moves, place
from schemas.orders.milestones import Disposition
from schemas.orders.release import LineDue, OrderStatus

ALLOCATED, SHIPPED, DELIVERED = STAGES = tuple(
    RANK[stage] for stage in (OrderStatus.ALLOCATED, OrderStatus.SHIPPED, OrderStatus.DELIVERED)
)

Holdings = Counter[tuple[str, str]]
"""(place, item) → packs that are there instead of where they came from, which has so many less."""


class GoodsPart(NamedTuple):
    """Packs of a line in one shipment by how far they are, and the site that they come from."""

    shipment: str
    site: str
    allocated: int
    shipped: int
    delivered: int


def of_order(state: OrderState) -> Holdings:
    """Packs of an order. What comes back is booked by its return."""
    held = Holdings()
    for line in state.lines:
        hold(held, state, line)
    cut(state, held, state.issues.shortages)
    return held


def hold(held: Holdings, state: OrderState, line: LineDue) -> None:
    """Add the packs of one line, wherever they are."""
    parts = list(_parts(state, line))
    kept = still_allocated(state, line, sum(part.shipped for part in parts))
    lost = state.demand.lost_quantity.get(line.line, 0)
    for part in parts:
        gone = min(lost, max(0, part.shipped - part.delivered - state.back(part.shipment, line.line))) if lost else 0
        lost -= gone
        ready = min(kept, max(0, part.allocated - part.shipped))
        kept -= ready
        put_part(held, state, line.item, part, ready, gone)


def put_part(held: Holdings, state: OrderState, item: str, part: GoodsPart, ready: int, gone: int = 0) -> None:
    """Add what a shipment carries of a line: `ready` packs set aside, `gone` lost under way."""
    origin = origin_of(state, part.site)
    _put(held, item, origin, place(Bucket.ALLOCATED, part.site), ready)
    transit = place(Bucket.TRANSIT, part.shipment or state.start.number)
    _put(held, item, origin, transit, part.shipped - part.delivered - gone)
    _put(held, item, origin, place(Bucket.CUSTOMER), part.delivered)
    _put(held, item, origin, place(Bucket.SCRAP), gone)


def issued(state: OrderState) -> Holdings:
    """Packs of an order that have left in each shipment, wherever they are now."""
    left = Holdings()
    for line in state.lines:
        for part in _parts(state, line):
            left[place(Bucket.TRANSIT, part.shipment or state.start.number), line.item] += part.shipped
    return left


def of_return(state: ReturnFile) -> Holdings:
    """Packs that came back: received, and put back into stock or scrapped after inspection."""
    start, held = state.start, Holdings()
    shipment = shipment_back(start.rma) or Subject.parse(start.order).number
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


def _parts(state: OrderState, line: LineDue) -> Iterator[GoodsPart]:
    """What each shipment carries of a line. What was reported of the whole order holds for every shipment, and for the
    packs that no shipment has."""
    whole = state.tally.whole.rank
    for name, it in state.goods.items():
        if name != WHOLE_ORDER:
            yield part_of(name, site_of(state, it), it, line.line, whole)
    yield rest_of(state, line)


def part_of(name: str, site: str, it: ShipmentState, line: int, whole: int) -> GoodsPart:
    """What a shipment carries of a line, when the whole order was reported to be at the rank `whole`."""
    held = it.set_aside.get(line, 0)
    allocated, shipped, delivered = (
        max(it.packs(line, rank), held if rank <= whole else 0) for rank in (ALLOCATED, SHIPPED, DELIVERED)
    )
    return GoodsPart(name, site, allocated, shipped, delivered)


def rest_of(state: OrderState, line: LineDue) -> GoodsPart:
    """The packs of a line that no shipment has."""
    rest = max(0, state.wanted(line) - state.tally.set_aside.get(line.line, 0))
    whole = state.tally.whole.rank
    return GoodsPart(WHOLE_ORDER, state.start.site, *(rest if rank <= whole else 0 for rank in STAGES))


def still_allocated(state: OrderState, line: LineDue, shipped: int) -> int:
    """Packs that are set aside and still wanted: the rest was put away."""
    if state.ending.cancelled is not None or state.start.variant is not Variant.DISTRIBUTION_CENTRE:
        return 0
    return max(0, state.wanted(line) - shipped)


def site_of(state: OrderState, shipment: ShipmentState) -> str:
    """The site that hands a shipment over."""
    if not state.sourcing.sources:
        return state.start.site
    return next((s for s in sites(state) if warehouse_partner(s) == shipment.warehouse), state.start.site)


def origin_of(state: OrderState, site: str) -> str:
    """Where packs of a site come from: its stock, or a supplier."""
    own = state.start.variant is Variant.DISTRIBUTION_CENTRE
    return place(Bucket.ON_HAND if own else Bucket.SUPPLIER, site)


def cut(state: OrderState, held: Holdings, shorts: Mapping[str, Shortage]) -> None:
    """What a site could not pick is not there, whatever its books said."""
    if state.start.variant is Variant.DISTRIBUTION_CENTRE:
        for short in shorts.values():
            for line in short.lines:
                there, gone = place(Bucket.ON_HAND, short.site), place(Bucket.ADJUSTMENT, short.site)
                _put(held, short.items[line.line], there, gone, line.quantity)
