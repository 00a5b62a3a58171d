"""Order promising: which packs an order gets, and the day that follows.

What keeps the wanted day is preferred: first what the line holds already, then the order's own site, then others; of
each, stock before supplies by their day. Beyond the wanted day, whatever comes first. Replenishment, which nobody has
named yet, is always possible and always last.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, timedelta
from typing import NamedTuple

from schemas.milestones import ShippedLine
from schemas.orders import LinePromise, Promise
from schemas.promising import REPLENISHMENT, STOCK, Given, Need, Peg, Sending, Source, Terms

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
        self._free: dict[str, dict[tuple[str, str], Source]] = {}
        for it in sources:
            if it.packs > 0:
                self._free.setdefault(it.item, {})[it.site, it.supply] = it

    def of(self, item: str) -> Iterator[Source]:
        """What is free of an item."""
        yield from (it for it in self._free.get(item, {}).values() if it.packs > 0)

    def less(self, kept: Mapping[tuple[str, str, str], int]) -> "Pool":
        """A pool of what is free beside what is kept, by item, site and supply."""
        left = (it for found in self._free.values() for it in found.values())
        return Pool(
            it.model_copy(update={"packs": it.packs - kept.get((it.item, it.site, it.supply), 0)}) for it in left
        )

    def take(self, item: str, site: str, supply: str, packs: int) -> int:
        """Take up to so many packs; how many there were."""
        found = self._free.get(item, {}).get((site, supply))
        taken = min(packs, found.packs) if found else 0
        if found and taken:
            self._free[item][site, supply] = found.model_copy(update={"packs": found.packs - taken})
        return taken


def target(need: Need, terms: Terms) -> date:
    """The day that the line should keep: as wanted, as the lead time allows, and not before its first promise."""
    return max(need.wanted_on, need.not_before, terms.released_on + timedelta(days=terms.lead_days))


def find(need: Need, terms: Terms, pool: Pool, today: date, held: Iterable[Peg] = ()) -> tuple[Peg, ...]:
    """Reserve the packs of a line; they are taken from the pool. `held` are its reservations so far: they count as free
    in the pool, and what is kept of them keeps its day."""
    aim, rest, found = target(need, terms), need.packs, list[Peg]()
    ranked = sorted(_options(need, terms, pool, today, tuple(held)), key=lambda it: _preference(it, terms, aim))
    for option in ranked:
        wanted = min(rest, option.packs)
        free = option.supply == REPLENISHMENT
        packs = wanted if free else pool.take(need.item, option.site, option.supply, wanted)
        if packs:
            rest -= packs
            found.append(_peg(need, option, packs, terms))
    late = any(it.day > aim for it in found)
    return tuple(it.model_copy(update={"late": late}) for it in _joined(found))


def day_of(need: Need, terms: Terms, pegs: Iterable[Peg]) -> date:
    """The day to promise: that of its last packs, or what it should keep."""
    return max((target(need, terms), *(it.day for it in pegs)))


def _options(need: Need, terms: Terms, pool: Pool, today: date, held: tuple[Peg, ...]) -> Iterator[Option]:
    """Everything that packs could come from. Held stock, and replenishment that is still to come, keep their day."""
    lead = timedelta(days=terms.lead_days)
    kept = {(it.site, it.supply): it for it in held}
    for it in pool.of(need.item):
        if it.site not in terms.sites and (it.site, it.supply) not in kept:
            continue
        own = kept.get((it.site, it.supply))
        due = max(it.due, today)
        mine = min(own.packs, it.packs) if own else 0
        if own and mine:
            stays = it.supply == STOCK and own.day <= due + lead
            since, day = (own.due, own.day) if stays else (due, due + lead)
            yield Option(it.site, it.supply, it.ref, mine, since, day, True)
        if it.packs > mine:
            yield Option(it.site, it.supply, it.ref, it.packs - mine, due, due + lead, False)
    for own in held:
        if own.supply == REPLENISHMENT and own.day >= today:
            yield Option(own.site, REPLENISHMENT, "", own.packs, own.due, own.day, True)
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
