"""Order promising: which packs an order gets, and the day that follows.

What keeps the wanted day is preferred: first what the line holds already, then the order's own site, then others; of
each, stock before supplies by their day. Beyond the wanted day, whatever comes first. Replenishment, which nobody has
named yet, is always possible and always last.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from types import MappingProxyType
from typing import NamedTuple

from schemas.milestones import ShippedLine
from schemas.orders import LinePromise, Promise
from schemas.promising import REPLENISHMENT, STOCK, Given, Need, Peg, Sending, Source, Terms

Place = tuple[str, str, str]
"""Item, site and supply."""
NOTHING: Mapping[Place, int] = MappingProxyType({})
BY_LEAD_TIME = "by lead time"
MOST_WORDS = 5
"""Lines that a reason explains; the promise travels with the order's history."""


class Option(NamedTuple):
    """Packs that could be taken, on hand on `due` and delivered on `day`."""

    site: str
    supply: str
    ref: str
    packs: int
    due: date
    day: date
    held: bool


class Pool:
    """What is free of each item, by site and supply. Whatever is taken is gone for the next."""

    def __init__(self, sources: Iterable[Source]) -> None:
        self._sources: dict[str, dict[tuple[str, str], Source]] = {}
        self._left = Counter[Place]()
        for it in sources:
            if it.packs > 0:
                self._sources.setdefault(it.item, {})[it.site, it.supply] = it
                self._left[it.item, it.site, it.supply] = it.packs

    def of(self, item: str, kept: Mapping[Place, int]) -> Iterator[tuple[Source, int]]:
        """What is free of an item beside what is kept for others, and how many packs of it."""
        for site, supply in self._sources.get(item, {}):
            yield from self.at(item, site, supply, kept)

    def at(self, item: str, site: str, supply: str, kept: Mapping[Place, int]) -> Iterator[tuple[Source, int]]:
        """The same of one source, if anything is free of it."""
        packs = self._left.get((item, site, supply), 0) - kept.get((item, site, supply), 0)
        if packs > 0:
            yield self._sources[item][site, supply], packs

    def take(self, pegs: Iterable[Peg]) -> None:
        """What is reserved is not free any more. Replenishment never runs out."""
        for it in pegs:
            if it.supply != REPLENISHMENT:
                self._left[it.item, it.site, it.supply] -= it.packs


def target(need: Need, terms: Terms) -> date:
    """The day that the line should keep: as wanted, as the lead time allows, and not before its first promise."""
    return max(need.wanted_on, need.not_before, terms.released_on + timedelta(days=terms.lead_days))


def find(
    need: Need, terms: Terms, pool: Pool, today: date, held: Sequence[Peg] = (), kept: Mapping[Place, int] = NOTHING
) -> tuple[Peg, ...]:
    """The packs to reserve for a line; the pool keeps them until they are taken. `held` are its reservations so far: they
    count as free in the pool, and what stays of them keeps its day. `kept` is free in the pool, but not for this line."""
    aim, rest, found = target(need, terms), need.packs, list[Peg]()
    for option in _ranked(need, terms, pool, today, held, kept, aim):
        packs = min(rest, option.packs)
        if packs:
            rest -= packs
            found.append(_peg(need, option, packs, terms))
    late = any(it.day > aim for it in found)
    return tuple(_joined([it.model_copy(update={"late": True}) if late else it for it in found]))


def _ranked(
    need: Need, terms: Terms, pool: Pool, today: date, held: Sequence[Peg], kept: Mapping[Place, int], aim: date
) -> list[Option]:
    """Where to take packs from, best first. What is held goes before everything else when it keeps the day: then the
    rest need not be looked at, which is what makes an item with thousands of orders cheap."""

    def preference(it: Option) -> tuple[object, ...]:
        return _preference(it, terms, aim)

    own = list(_held(need, terms, pool, today, held, kept))
    stands = [it for it in own if it.day <= aim and it.supply != REPLENISHMENT]
    if sum(it.packs for it in stands) >= need.packs:
        return sorted(stands, key=preference)
    return sorted((*own, *_others(need, terms, pool, today, held, kept)), key=preference)


def day_of(need: Need, terms: Terms, pegs: Iterable[Peg]) -> date:
    """The day to promise: that of its last packs, or what it should keep."""
    return max((target(need, terms), *(it.day for it in pegs)))


def _held(
    need: Need, terms: Terms, pool: Pool, today: date, held: Sequence[Peg], kept: Mapping[Place, int]
) -> Iterator[Option]:
    """What can stay as it is. Held stock, and replenishment that is still to come, keep their day."""
    lead = timedelta(days=terms.lead_days)
    for own in held:
        if own.supply == REPLENISHMENT and own.day >= today:
            yield Option(own.site, REPLENISHMENT, "", own.packs, own.due, own.day, True)
        for it, packs in pool.at(need.item, own.site, own.supply, kept):
            due = max(it.due, today)
            stays = it.supply == STOCK and own.day <= due + lead
            since, day = (own.due, own.day) if stays else (due, due + lead)
            yield Option(it.site, it.supply, it.ref, min(own.packs, packs), since, day, True)


def _others(
    need: Need, terms: Terms, pool: Pool, today: date, held: Sequence[Peg], kept: Mapping[Place, int]
) -> Iterator[Option]:
    """What could be taken beside it, replenishment at the last."""
    lead = timedelta(days=terms.lead_days)
    own = {(it.site, it.supply): it.packs for it in held}
    for it, packs in pool.of(need.item, kept):
        more = packs - own.get((it.site, it.supply), 0)
        if more > 0 and (it.site in terms.sites or (it.site, it.supply) in own):
            due = max(it.due, today)
            yield Option(it.site, it.supply, it.ref, more, due, due + lead, False)
    due = today + timedelta(days=terms.replenish_days)
    yield Option(terms.site, REPLENISHMENT, "", need.packs, due, due + lead, False)


def _preference(it: Option, terms: Terms, aim: date) -> tuple[object, ...]:
    rank = terms.sites.index(it.site) if it.site in terms.sites else len(terms.sites)
    unnamed = it.supply == REPLENISHMENT
    if it.day <= aim:
        return (0, unnamed, not it.held, rank, it.supply != STOCK, it.due, it.supply)
    return (1, unnamed, it.day, not it.held, rank, it.supply)


def _peg(need: Need, option: Option, packs: int, terms: Terms) -> Peg:
    there = f" at {option.site}" if option.site != terms.site else ""
    if option.supply == STOCK:
        words = f"{packs} from {option.site} now"
    elif option.supply == REPLENISHMENT:
        words = f"{packs} replenished by {spoken(option.due)}{there}"
    else:
        words = f"{packs} from {option.ref} due {spoken(option.due)}{there}"
    return Peg(
        line=need.line,
        item=need.item,
        site=option.site,
        supply=option.supply,
        packs=packs,
        due=option.due,
        day=option.day,
        wanted_on=need.wanted_on,
        words=words,
    )


def _joined(pegs: list[Peg]) -> list[Peg]:
    """One for each site and supply; the later day counts."""
    found: dict[tuple[str, str], Peg] = {}
    for it in pegs:
        known = found.get((it.site, it.supply))
        later = max((x for x in (known, it) if x), key=lambda x: x.day)
        packs = it.packs + (known.packs if known else 0)
        words = later.words.replace(f"{later.packs} ", f"{packs} ", 1)
        found[it.site, it.supply] = later.model_copy(update={"packs": packs, "words": words})
    return list(found.values())


def spoken(day: date) -> str:
    """A day as people say it: `12 Dec`."""
    return f"{day.day} {day:%b}"


def first(
    by_lead_time: Promise, needs: Iterable[Need], terms: Terms, pool: Pool, managed: set[tuple[str, str]]
) -> tuple[Given, tuple[Peg, ...]]:
    """The first promise of an order and what it reserves. Lines whose item is not stock-managed at the order's site are
    promised by lead time alone, as `by_lead_time` says."""
    pegs: list[Peg] = []
    days = {it.line: it.promised_on for it in by_lead_time.lines}
    said: list[str] = []
    unmanaged = 0
    for need in needs:
        if (need.item, terms.site) not in managed:
            unmanaged += 1
            continue
        found = find(need, terms, pool, terms.released_on)
        pool.take(found)
        days[need.line] = day_of(need, terms, found)
        said.append(explained(need.line, days[need.line], found))
        pegs.extend(found)
    if not pegs:
        return Given(promise=by_lead_time.model_copy(update={"reason": f"{by_lead_time.reason}, {BY_LEAD_TIME}"})), ()
    promise = Promise(
        promised_on=max(days.values()),
        lines=tuple(LinePromise(line=line, promised_on=day) for line, day in days.items()),
        reason=_reason(said, unmanaged),
    )
    return Given(promise=promise, sendings=sendings(pegs, terms)), tuple(pegs)


def explained(line: int, day: date, pegs: Iterable[Peg]) -> str:
    """`line 1 promised 12 Dec: 40 from LYS now, 60 from PO 7781 due 10 Dec`."""
    return f"line {line} promised {spoken(day)}: {', '.join(it.words for it in pegs)}"


def _reason(said: list[str], unmanaged: int) -> str:
    if len(said) == 1 and not unmanaged:
        return said[0].split(" ", 2)[2]
    more = [f"{len(said) - MOST_WORDS} more lines from stock and supply"] if len(said) > MOST_WORDS else []
    by_lead = [f"{unmanaged} lines {BY_LEAD_TIME}"] if unmanaged else []
    return "; ".join((*said[:MOST_WORDS], *more, *by_lead))


def sendings(pegs: Iterable[Peg], terms: Terms) -> tuple[Sending, ...]:
    """What other sites than the order's own send."""
    elsewhere: dict[str, dict[int, int]] = {}
    for it in pegs:
        if it.site != terms.site:
            lines = elsewhere.setdefault(it.site, {})
            lines[it.line] = lines.get(it.line, 0) + it.packs
    return tuple(
        Sending(site=site, lines=tuple(ShippedLine(line=line, quantity=packs) for line, packs in sorted(lines.items())))
        for site, lines in sorted(elsewhere.items(), key=lambda pair: terms.sites.index(pair[0]))
    )
