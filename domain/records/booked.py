"""Movements that a step of an order books: the difference between two of its states, without looking at what did not
change.

The same as the difference of `goods.of_order` and of `goods.issued` (tests/domain/milestones/test_tally.py), which
look at every line of every shipment. A line is looked at whole, in both states, where packs were lost, or more are set
aside than are wanted at several sites. Which shipment has which packs depends on all of them then.
"""

from collections.abc import Iterable
from typing import NamedTuple

from domain.milestones.line_sums import differing
from domain.milestones.shipments import NOTHING, Packs, ShipmentState
from domain.milestones.tally import shipments_between, touched_lines
from domain.orders import goods
from domain.orders.goods import ALLOCATED, DELIVERED, SHIPPED, Holdings, rest_of
from domain.orders.state import WHOLE_ORDER, OrderState
from schemas.base import Variant
from schemas.inventory.stock import Bucket, Moves, place


class _Stages(NamedTuple):
    """The packs of a shipment by the rank that they reached, and the site that it comes from."""

    allocated: Packs
    shipped: Packs
    delivered: Packs
    site: str


class _Books:
    """Differences of places, by item. `plain`: the lines that are not looked at whole."""

    def __init__(self, state: OrderState, plain: set[int]) -> None:
        self._state, self._plain = state, plain
        self._items = {number: line.item for number, line in state.by_line.items()}
        self.held: dict[str, dict[str, int]] = {}
        self.left: dict[str, dict[str, int]] = {}

    def add(self, held: Holdings, sign: int) -> None:
        """Holdings that are there now, or with a minus that were there before."""
        for (at, item), packs in held.items():
            there = self.held.setdefault(at, {})
            there[item] = there.get(item, 0) + sign * packs

    def bring_on(self, shipment: str, was: _Stages, now: _Stages) -> None:
        """A shipment has carried its packs on."""
        number = shipment or self._state.start.number
        transit, origin = place(Bucket.TRANSIT, number), goods.origin_of(self._state, now.site)
        shipped = _more(was.shipped, now.shipped)
        self._move(shipped, None, transit, self.left)
        self._move(self._of_plain(shipped), origin, transit, self.held)
        delivered = self._of_plain(_more(was.delivered, now.delivered))
        self._move(delivered, transit, place(Bucket.CUSTOMER), self.held)

    def set_aside(self, site: str, packs: Packs) -> None:
        """More packs of lines are set aside at a site, or fewer."""
        origin = goods.origin_of(self._state, site)
        self._move(self._of_plain(packs), origin, place(Bucket.ALLOCATED, site), self.held)

    def moves(self, found: dict[str, dict[str, int]]) -> Moves:
        """Without what moved nothing."""
        rows = ((at, {item: packs for item, packs in sorted(found[at].items()) if packs}) for at in sorted(found))
        return {at: items for at, items in rows if items}

    def _of_plain(self, packs: Packs) -> Packs:
        return {line: n for line, n in packs.items() if line in self._plain} if packs.keys() - self._plain else packs

    def _move(self, packs: Packs, origin: str | None, to: str, books: dict[str, dict[str, int]]) -> None:
        if not packs:
            return
        gives, gets, items = books.setdefault(origin, {}) if origin else {}, books.setdefault(to, {}), self._items
        for line, n in packs.items():
            item = items[line]
            gets[item] = gets.get(item, 0) + n
            gives[item] = gives.get(item, 0) - n


def moves(before: OrderState, after: OrderState) -> tuple[Moves, Moves]:
    """How stock moved between two states, and what left, by the place of its shipment."""
    elsewhere = before.tally.whole.rank != after.tally.whole.rank or before.sourcing.sources != after.sourcing.sources
    if elsewhere or _substituted(before, after):
        held, left = goods.of_order(before), goods.issued(before)
        return goods.moves(held, goods.of_order(after)), goods.moves(left, goods.issued(after))
    lines = _concerned(before, after)
    entire = _intricate_lines(before, lines) | _intricate_lines(after, lines)
    books = _Books(after, lines - entire)
    for sign, state in ((-1, before), (1, after)):
        there = Holdings()
        for line in entire & state.by_line.keys():
            goods.add_line(there, state, state.by_line[line])
        others = {
            n: it
            for n, it in state.issues.shortages.items()
            if before.issues.shortages.get(n) != after.issues.shortages.get(n)
        }
        goods.cut(state, there, others)
        books.add(there, sign)
    _shipments(books, before, after)
    _rests(books, before, after, lines)
    return books.moves(books.held), books.moves(books.left)


def _substituted(before: OrderState, after: OrderState) -> bool:
    lines = differing(before.by_line, after.by_line) & before.by_line.keys()
    return any(before.by_line[line].item != after.by_line[line].item for line in lines)


def _concerned(before: OrderState, after: OrderState) -> set[int]:
    """Lines whose packs may be elsewhere now, and those of which some were lost: that goes with what is under way."""
    if (before.ending.cancelled is None) != (after.ending.cancelled is None):
        return {*after.by_line}
    found = touched_lines(before.tally, after.tally, (ALLOCATED, SHIPPED, DELIVERED))
    found |= differing(before.tally.set_aside, after.tally.set_aside) | differing(
        before.demand.cancelled_quantity, after.demand.cancelled_quantity
    )
    found |= (
        differing(before.by_line, after.by_line)
        | after.demand.lost_quantity.keys()
        | before.demand.lost_quantity.keys()
    )
    for _, was, it in shipments_between(before.tally, after.tally):
        was_at, is_at = _stages(before, was), _stages(after, it)
        if was_at != is_at:
            found |= was_at.allocated.keys() | is_at.allocated.keys()
    return found & after.by_line.keys()


def _stages(state: OrderState, it: ShipmentState | None) -> _Stages:
    """The packs that a shipment has carried; reports of the whole order hold for it too."""
    if it is None:
        return _Stages(NOTHING, NOTHING, NOTHING, state.start.site)
    whole = state.tally.whole.rank
    shipped, delivered = (it.set_aside if rank <= whole else it.reach[rank] for rank in (SHIPPED, DELIVERED))
    return _Stages(it.reach[ALLOCATED], shipped, delivered, goods.site_of(state, it))


def _intricate_lines(state: OrderState, lines: Iterable[int]) -> set[int]:
    """Those lines of which it takes all shipments to say where their packs are. Most orders have none."""
    if not state.demand.lost_quantity and not state.sourcing.sources:
        return set()
    return {number for number in lines if _intricate(state, number)}


def _intricate(state: OrderState, number: int) -> bool:
    """Whether it takes all shipments to say where the packs of a line are."""
    if state.demand.lost_quantity.get(number):
        return True
    if number not in state.by_line or not state.sourcing.sources:
        return False
    kept, ready = _ready(state, number)
    return kept < ready


def _ready(state: OrderState, number: int) -> tuple[int, int]:
    """Packs of a line that may still be set aside, and that shipments have set aside."""
    line, tally = state.by_line[number], state.tally
    whole, own = tally.whole.rank, tally.whole
    allocated = tally.packs(number, ALLOCATED) - own.packs(number, ALLOCATED)
    shipped = tally.set_aside.get(number, 0) if whole >= SHIPPED else tally.packs(number, SHIPPED)
    shipped -= own.packs(number, SHIPPED) if whole < SHIPPED else 0
    if whole >= ALLOCATED:
        rest = rest_of(state, line)
        allocated, shipped = allocated + rest.allocated, shipped + rest.shipped
    return goods.still_allocated(state, line, shipped), allocated - shipped


def _shipments(books: _Books, before: OrderState, after: OrderState) -> None:
    """The packs that the changed shipments carried on. What they set aside at several sites is theirs; at one, it is
    counted for all of them together."""
    for name, was, it in shipments_between(before.tally, after.tally):
        if name == WHOLE_ORDER:
            continue
        old, new = _stages(before, was), _stages(after, it)
        if was is not None and it is not None and old.site != new.site:
            pairs = [(old, old._replace(allocated=NOTHING, shipped=NOTHING, delivered=NOTHING))]
            pairs.append((new._replace(allocated=NOTHING, shipped=NOTHING, delivered=NOTHING), new))
        else:
            pairs = [(old, new._replace(site=old.site if it is None else new.site))]
        for one, other in pairs:
            books.bring_on(name, one, other)
            if after.sourcing.sources and after.start.variant is Variant.DISTRIBUTION_CENTRE:
                waits = _waiting(one, before.ending.cancelled), _waiting(other, after.ending.cancelled)
                books.set_aside(other.site, _more(*waits))


def _waiting(stages: _Stages, cancelled: str | None) -> Packs:
    return NOTHING if cancelled is not None else _more(stages.shipped, stages.allocated)


def _rests(books: _Books, before: OrderState, after: OrderState, lines: Iterable[int]) -> None:
    """The packs that no shipment has, and those set aside at the one site."""
    site, whole = after.start.site, after.tally.whole.rank >= ALLOCATED
    if whole:
        old, new = (_rest_stages(state, lines) for state in (before, after))
        books.bring_on(WHOLE_ORDER, old, new)
        if after.sourcing.sources and after.start.variant is Variant.DISTRIBUTION_CENTRE:
            books.set_aside(site, _more(_waiting(old, before.ending.cancelled), _waiting(new, after.ending.cancelled)))
    if not after.sourcing.sources:
        books.set_aside(site, _more(_aside(before, lines), _aside(after, lines)))


def _aside(state: OrderState, lines: Iterable[int]) -> Packs:
    """Packs of these lines that are set aside in all shipments together."""
    tally, known = state.tally, state.by_line
    if state.ending.cancelled is not None or state.start.variant is not Variant.DISTRIBUTION_CENTRE:
        return NOTHING
    if tally.whole.rank >= ALLOCATED or tally.whole.reach[ALLOCATED]:
        return {number: min(_ready(state, number)) for number in lines if number in known}
    found, allocated, shipped = {}, tally.reached[ALLOCATED], tally.reached[SHIPPED]
    cancelled = state.demand.cancelled_quantity
    for number in lines:
        if number in known:
            left = shipped.get(number, 0)
            kept = max(0, known[number].quantity - cancelled.get(number, 0) - left)
            found[number] = min(kept, allocated.get(number, 0) - left)
    return found


def _rest_stages(state: OrderState, lines: Iterable[int]) -> _Stages:
    """The packs of these lines that no shipment has."""
    parts = {number: rest_of(state, state.by_line[number]) for number in lines if number in state.by_line}
    return _Stages(
        {number: part.allocated for number, part in parts.items()},
        {number: part.shipped for number, part in parts.items()},
        {number: part.delivered for number, part in parts.items()},
        state.start.site,
    )


def _more(was: Packs, now: Packs) -> Packs:
    """The additional packs of each line."""
    if was is now or was == now:
        return NOTHING
    found = {line: packs - was.get(line, 0) for line, packs in now.items() if packs != was.get(line, 0)}
    found.update((line, -was[line]) for line in was.keys() - now.keys() if was[line])
    return found
