"""The tally of an order's shipments, line by line: worked out once, and brought on with what each change concerns.

An order of many lines in many shipments hears thousands of reports. What a report does not name must cost nothing, so
nothing here looks at a shipment that did not change: a sum gets the difference. A tally is never changed in place. It
shares its unchanged parts with the one before, and two are compared by the others.
"""

from collections.abc import Iterable, Iterator, Mapping
from copy import copy
from dataclasses import dataclass, field
from datetime import datetime
from operator import attrgetter

from domain.milestones.chronology import oddities
from domain.milestones.line_sums import Carried, differing, highest, latest, shifted
from domain.milestones.shipments import NOTHING, Packs, ShipmentState, packs_by_line
from domain.milestones.signed_for import Mismatch, compared
from domain.milestones.variants import RANK
from schemas.cases.exceptions import Chronology
from schemas.ids import sender_rma, shipment_back
from schemas.orders.milestones import MilestoneKind as M
from schemas.orders.release import LineDue, OrderStatus
from schemas.workflows.returns import ReturnOutcome

WHOLE_ORDER = ""
"""Key of the pseudo-shipment for reports that name the order and no shipment: it carries every line."""
NO_SHIPMENT = ShipmentState()
PROMISED, PICKED, SHIPPED = (RANK[s] for s in (OrderStatus.PROMISED, OrderStatus.PICKED, OrderStatus.SHIPPED))
RANKS = range(RANK[OrderStatus.ALLOCATED], RANK[OrderStatus.DELIVERED] + 1)
_WANTED = attrgetter("demand", "cancelled_quantity", "lost_quantity")
_NONE: tuple[dict[int, int], ...] = tuple({} for _ in range(RANKS.stop))

Changed = list[tuple[str, ShipmentState, ShipmentState]]
"""Shipments that changed: name, as it was, as it is."""


@dataclass(frozen=True, slots=True)
class TallyFacts:
    """The inputs of a tally: the fields of an order's state that it depends on."""

    shipments: Mapping[str, ShipmentState] = field(default_factory=dict)
    returned: Mapping[str, ReturnOutcome] = field(default_factory=dict)
    demand: Mapping[int, LineDue] = field(default_factory=dict)
    cancelled_quantity: Mapping[int, int] = field(default_factory=dict)
    lost_quantity: Mapping[int, int] = field(default_factory=dict)
    required: frozenset[M] = frozenset()
    released_at: datetime | None = None
    rules: Chronology = field(default_factory=Chronology)


@dataclass(slots=True)
class Tally:
    """Packs of each line, and the marks of shipments.

    `reached`: packs that reached each rank; `gone`: packs of them that carriers brought back; `home`: those in all;
    `back`: all returns. `left_behind`: picked, not shipped with their shipment. `set_aside`: held by shipments.
    `goods`: see `OrderState.goods`. `etas`, `delivered`: the latest of each line. `ranks`: how far each due line is.
    `odd`: lines of which more left than wanted, or less than was picked. `unreported`: milestones that are missing.
    `signed`: signed for differently; `returning`: comes back; `backwards`: shipments whose reports contradict in time.
    """

    facts: TallyFacts = TallyFacts()
    into: dict[str, tuple[str, ...]] = field(default_factory=dict)
    goods: dict[str, ShipmentState] = field(default_factory=dict)
    reached: tuple[dict[int, int], ...] = _NONE
    gone: tuple[dict[int, int], ...] = _NONE
    home: dict[int, int] = field(default_factory=dict)
    back: dict[int, int] = field(default_factory=dict)
    left_behind: dict[int, int] = field(default_factory=dict)
    set_aside: dict[int, int] = field(default_factory=dict)
    etas: dict[int, datetime] = field(default_factory=dict)
    delivered: dict[int, datetime] = field(default_factory=dict)
    ranks: dict[int, int] = field(default_factory=dict)
    odd: frozenset[int] = frozenset()
    unreported: dict[str, tuple[M, ...]] = field(default_factory=dict)
    signed: dict[str, tuple[Mismatch, ...]] = field(default_factory=dict)
    returning: frozenset[str] = frozenset()
    backwards: frozenset[str] = frozenset()
    speaking: int = 0
    eta: datetime | None = None
    last_seen: datetime | None = None

    @property
    def whole(self) -> ShipmentState:
        """Reports on the order as a whole."""
        return self.goods.get(WHOLE_ORDER, NO_SHIPMENT)

    def of(self, facts: TallyFacts) -> "Tally":
        """The tally of these facts, from that of earlier ones."""
        before = self.facts
        if facts.required != before.required or before.shipments.keys() - facts.shipments.keys():
            return Tally()._of(facts)  # of another order
        return self._of(facts)

    def _of(self, facts: TallyFacts) -> "Tally":
        after, before = copy(self), self.facts
        after.facts = facts
        changed, affected = after._carry(before)
        touched = after._add_up(changed, before)
        after._look_at(changed, affected, before)
        wanted = _WANTED(facts) != _WANTED(before)
        after._rank_lines(touched, everything=wanted or self.whole.rank != after.whole.rank)
        return after

    def packs(self, line: int, rank: int) -> int:
        """Packs of a line that have reached a rank in all shipments."""
        return self.reached[rank].get(line, 0) if rank < RANKS.stop else 0

    def delivered_at(self, line: int) -> datetime | None:
        """When the last shipment with a line was delivered, or the whole order, whichever is later."""
        one, other = self.delivered.get(line), self.whole.delivered_at
        return max(one, other) if one and other else one or other

    def _carry(self, before: TallyFacts) -> tuple[Changed, set[str]]:
        """Bring the goods on. What changed, and the names of shipments as reported that this concerns."""
        known, now = before.shipments, self.facts.shipments
        names = [] if known is now else [name for name, it in now.items() if known.get(name) is not it]
        merged = {name: {*known.get(name, NO_SHIPMENT).merges, *now[name].merges} for name in names}
        if any(known.get(name, NO_SHIPMENT).merges != now[name].merges for name in names):
            self.into = _merged_into(now)
        affected = {*names, *(part for parts in merged.values() for part in parts if part in now)}
        changed = [(name, self.goods.get(name, NO_SHIPMENT), self._good(name)) for name in sorted(affected)]
        goods = {**self.goods, **{name: it for name, _, it in changed}}
        for name in affected:
            if now[name].merges and name not in now[name].merges:
                goods.pop(name)
        self.goods = goods if goods.keys() == self.goods.keys() else dict(sorted(goods.items()))
        changed = [(name, was, self.goods.get(name, NO_SHIPMENT)) for name, was, _ in changed]
        return changed, {*affected, *(holder for name in affected for holder in self.into.get(name, ()))}

    def _good(self, name: str) -> ShipmentState:
        holders, now = self.into.get(name), self.facts.shipments
        return now[name].travelling(now[holders[-1]] if holders else None)

    def _add_up(self, changed: Changed, before: TallyFacts) -> set[int]:
        """Bring the sums on. Which lines were touched."""
        touched = set[int]()
        reached = [
            shifted(self.reached[rank], [(was.reach[rank], it.reach[rank]) for _, was, it in changed], touched)
            for rank in RANKS
        ]
        self.reached = (reached[0],) * RANKS.start + tuple(reached)
        self.left_behind = shifted(self.left_behind, [(_stayed(was), _stayed(it)) for _, was, it in changed], touched)
        held = [(was.set_aside, it.set_aside) for name, was, it in changed if name != WHOLE_ORDER]
        self.set_aside = shifted(self.set_aside, held, touched)
        carried = [(it.lines, was.lines, was, it) for _, was, it in changed]
        self.delivered = latest(
            self.delivered,
            [(Carried(had, was.delivered_at), Carried(has, it.delivered_at)) for has, had, was, it in carried],
            lambda: (Carried(it.lines, it.delivered_at) for it in self.goods.values()),
        )
        self.etas = latest(
            self.etas,
            [(Carried(had, _eta(was)), Carried(has, _eta(it))) for has, had, was, it in carried],
            lambda: (Carried(it.lines, _eta(it)) for it in self.goods.values()),
        )
        if self.facts.returned or before.returned:
            self._bring_back(changed, before, touched)
        return touched

    def _bring_back(self, changed: Changed, before: TallyFacts, touched: set[int]) -> None:
        """Bring on what came back to the sender: of what changed, and of what returns now say of others."""
        known, now = before.returned, self.facts.returned
        heard = [rma for rma in {**known, **now} if known.get(rma) is not now.get(rma)]
        self.back = shifted(self.back, [(_received(known.get(rma)), _received(now.get(rma))) for rma in heard], touched)
        names = {name: (was, it) for name, was, it in changed}
        for rma in heard:
            name = shipment_back(rma)
            if name is not None and name in self.goods:
                names.setdefault(name, (self.goods[name], self.goods[name]))
        rows = [
            (was, it, _received(known.get(sender_rma(name))), _received(now.get(sender_rma(name))), name in self.goods)
            for name, (was, it) in names.items()
        ]
        home = [
            (had if was is not NO_SHIPMENT else NOTHING, has if here else NOTHING) for was, _, had, has, here in rows
        ]
        self.home = shifted(self.home, home, touched)
        gone = [
            shifted(
                self.gone[rank],
                [(_both(was.reach[rank], had), _both(it.reach[rank], has)) for was, it, had, has, _ in rows],
                touched,
            )
            for rank in RANKS
        ]
        self.gone = (gone[0],) * RANKS.start + tuple(gone)

    def _look_at(self, changed: Changed, affected: set[str], before: TallyFacts) -> None:
        """Bring on what is known of each shipment."""
        facts = self.facts
        if changed:
            self.unreported = {**self.unreported, **{name: self._awaited(name, it) for name, _, it in changed}}
            self.unreported = {name: kinds for name, kinds in self.unreported.items() if kinds}
            back = {name for name, _, it in changed if M.RETURNING in it.seen}
            self.returning = (self.returning - {name for name, _, _ in changed}) | back
        self.speaking += sum(bool(it.seen) - bool(was.seen) for name, was, it in changed if name != WHOLE_ORDER)
        self.eta = highest(
            self.eta,
            [(_eta(was), _eta(it)) for _, was, it in changed],
            lambda: (_eta(it) for it in self.goods.values()),
        )
        self.last_seen = highest(
            self.last_seen,
            [(_last(was), _last(it)) for _, was, it in changed],
            lambda: (_last(it) for it in self.goods.values()),
        )
        if released := facts.released_at:
            odd = {name for name in affected if any(oddities(facts.shipments[name], released, facts.rules))}
            self.backwards = (self.backwards - affected) | odd if odd or self.backwards else self.backwards
        everyone = facts.lost_quantity != before.lost_quantity or facts.demand != before.demand
        names: Iterable[str] = facts.shipments if everyone else affected
        signed = {name: self._compared(name) for name in names if facts.shipments[name].stated}
        if signed:
            self.signed = {name: them for name, them in {**self.signed, **signed}.items() if them}

    def _awaited(self, name: str, it: ShipmentState) -> tuple[M, ...]:
        if name == WHOLE_ORDER or not it.seen or M.RETURNING in it.seen:
            return ()
        return tuple(sorted(self.facts.required - it.seen.keys()))

    def _compared(self, name: str) -> tuple[Mismatch, ...]:
        it = self.facts.shipments[name]
        parts = [self.goods[part] for part in it.merges or (name,) if part in self.goods]
        return compared(name, it, parts, self.facts.demand, self.facts.lost_quantity)

    def _rank_lines(self, touched: set[int], *, everything: bool) -> None:
        """Bring on how far the touched lines are, or all of them."""
        if not touched and not everything:
            return
        facts, whole = self.facts, self.whole.rank
        ranks, odd = ({}, set[int]()) if everything else (dict(self.ranks), set(self.odd))
        for line in facts.demand if everything else touched & facts.demand.keys():
            packs = max(0, facts.demand[line].quantity - facts.cancelled_quantity.get(line, 0))
            due = max(0, packs - self.home.get(line, 0))
            if due:
                ranks[line] = self._rank(line, due, whole)
            else:
                ranks.pop(line, None)
            if (
                self.left_behind.get(line)
                or self.reached[SHIPPED].get(line, 0) - facts.lost_quantity.get(line, 0) > packs
            ):
                odd.add(line)
            else:
                odd.discard(line)
        self.ranks, self.odd = ranks, frozenset(odd)

    def _rank(self, line: int, due: int, whole: int) -> int:
        for rank in reversed(RANKS):
            if rank <= whole or self.reached[rank].get(line, 0) - self.gone[rank].get(line, 0) >= due:
                return rank
        return PROMISED


def touched_lines(before: Tally, after: Tally, ranks: Iterable[int]) -> set[int]:
    """Lines of which another number of packs has reached one of these ranks, or came back."""
    found = differing(before.back, after.back)
    for rank in ranks:
        found |= differing(before.reached[rank], after.reached[rank])
    return found


def _merged_into(shipments: Mapping[str, ShipmentState]) -> dict[str, tuple[str, ...]]:
    """Into which shipments each was merged, by their names; it travels on in the last of them."""
    found: dict[str, tuple[str, ...]] = {}
    for name, part in sorted((name, part) for name, it in shipments.items() for part in it.merges):
        found[part] = (*found.get(part, ()), name)
    return found


def _stayed(it: ShipmentState) -> Packs:
    if M.SHIPPED not in it.seen or it.reach[PICKED] is it.reach[SHIPPED]:
        return NOTHING
    left = it.reach[SHIPPED]
    return {line: packs - left.get(line, 0) for line, packs in it.reach[PICKED].items() if packs != left.get(line, 0)}


def _received(outcome: ReturnOutcome | None) -> Packs:
    return packs_by_line(outcome.received) if outcome else NOTHING


def _both(packs: Packs, back: Packs) -> Packs:
    return {line: min(packs[line], back[line]) for line in back if line in packs} if back and packs else NOTHING


def _eta(it: ShipmentState) -> datetime | None:
    return it.eta.eta if it.eta else None


def _last(it: ShipmentState) -> datetime | None:
    return max(it.seen.values(), default=None)


def shipments_between(before: Tally, after: Tally) -> Iterator[tuple[str, ShipmentState | None, ShipmentState | None]]:
    """The shipments that carry packs and are not what they were: name, as it was, as it is."""
    was, now = before.goods, after.goods
    if was is not now:
        yield from ((name, was.get(name), it) for name, it in now.items() if was.get(name) is not it)
        yield from ((name, it, None) for name, it in was.items() if name not in now)
