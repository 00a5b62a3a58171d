"""Order promising: which packs an order gets, and the day that follows.

What keeps the wanted day is preferred: first what the line holds already, then the order's own site, then others; of
each, stock before supplies by their day. Beyond the wanted day, whatever comes first. Replenishment, which nobody has
named yet, is always possible and always last.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from heapq import merge
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
    """Packs that could be taken, on hand on `due` and delivered on `day`. `since`: when their source is or was due."""

    site: str
    supply: str
    ref: str
    packs: int
    due: date
    day: date
    held: bool = False
    since: date = date.min


class Pool:
    """What is free of each item, by site and supply. Whatever is taken is gone for the next."""

    def __init__(self, sources: Iterable[Source]) -> None:
        self._sites: dict[tuple[str, str], list[Source]] = {}
        self._known: dict[Place, Source] = {}
        self._left: dict[Place, int] = {}
        for it in sorted(sources, key=lambda it: (it.supply != STOCK, it.due, it.supply)):
            if it.packs > 0:
                self._sites.setdefault((it.item, it.site), []).append(it)
                self._known[it.item, it.site, it.supply] = it
                self._left[it.item, it.site, it.supply] = it.packs

    def of(self, item: str, site: str) -> Iterable[Source]:
        """Every source of an item at a site: its stock, then its supplies by their day."""
        return self._sites.get((item, site), ())

    def at(self, item: str, site: str, supply: str) -> Source | None:
        """One source; None when there is no such."""
        return self._known.get((item, site, supply))

    def left(self, place: Place, kept: Mapping[Place, int]) -> int:
        """Packs that are free beside what is kept for others."""
        return self._left[place] - kept.get(place, 0)

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
    """The packs to reserve for a line; they stay in the pool until they are taken. `held` are its reservations so far:
    they count as free in the pool, and what stays of them keeps its day. `kept` is free too, but not for this line."""
    aim, rest = target(need, terms), need.packs
    found: dict[tuple[str, str], Option] = {}
    for option in _ranked(need, terms, pool, today, held, kept):
        packs = min(rest, option.packs)
        known = found.get((option.site, option.supply))
        later = option if known is None or option.day > known.day else known
        found[option.site, option.supply] = later._replace(packs=packs + (known.packs if known else 0))
        rest -= packs
        if not rest:
            break
    late = any(it.day > aim for it in found.values())
    return tuple(_peg(need, it, terms, late=late) for it in found.values())


def _ranked(
    need: Need, terms: Terms, pool: Pool, today: date, held: Sequence[Peg], kept: Mapping[Place, int]
) -> Iterator[Option]:
    """Where to take packs from, best first. What a site has is in that order already, and few are ever looked at: that
    is what makes an item with thousands of orders cheap."""
    sites, aim = terms.sites, target(need, terms)

    def preference(it: Option) -> tuple[object, ...]:
        rank = sites.index(it.site) if it.site in sites else len(sites)
        unnamed = it.supply == REPLENISHMENT
        if it.day <= aim:
            return (0, unnamed, not it.held, rank, it.supply != STOCK, it.since, it.supply)
        return (1, unnamed, it.day, not it.held, rank, it.since, it.supply)

    own = sorted(_held(need, terms, pool, today, held, kept), key=preference)
    places = dict.fromkeys((*sites, *(it.site for it in held)))
    others = (_others(need, terms, pool, today, held, kept, site) for site in places)
    due = today + timedelta(days=terms.replenish_days)
    unnamed = Option(terms.site, REPLENISHMENT, "", need.packs, due, due + timedelta(days=terms.lead_days))
    return merge(own, *others, (unnamed,), key=preference)


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
            yield Option(own.site, REPLENISHMENT, "", own.packs, own.due, own.day, held=True)
        source = pool.at(need.item, own.site, own.supply)
        packs = min(own.packs, pool.left((need.item, own.site, own.supply), kept)) if source else 0
        if source and packs > 0:
            due = max(source.due, today)
            stays = own.supply == STOCK and own.day <= due + lead
            begins, day = (own.due, own.day) if stays else (due, due + lead)
            yield Option(own.site, own.supply, source.ref, packs, begins, day, held=True, since=source.due)


def _others(
    need: Need,
    terms: Terms,
    pool: Pool,
    today: date,
    held: Sequence[Peg],
    kept: Mapping[Place, int],
    site: str,
) -> Iterator[Option]:
    """What could be taken at a site beside it. At one that may not send, no more than of what is held there."""
    lead = timedelta(days=terms.lead_days)
    own = {it.supply: it.packs for it in held if it.site == site}
    may_send = site in terms.sites
    for it in pool.of(need.item, site):
        packs = pool.left((it.item, site, it.supply), kept)
        if packs > 0 and (may_send or it.supply in own):
            packs -= own.get(it.supply, 0)
            if packs > 0:
                due = max(it.due, today)
                yield Option(site, it.supply, it.ref, packs, due, due + lead, since=it.due)


def _peg(need: Need, it: Option, terms: Terms, *, late: bool) -> Peg:
    there = f" at {it.site}" if it.site != terms.site else ""
    if it.supply == STOCK:
        words = f"{it.packs} from {it.site} now"
    elif it.supply == REPLENISHMENT:
        words = f"{it.packs} replenished by {spoken(it.due)}{there}"
    else:
        words = f"{it.packs} from {it.ref} due {spoken(it.due)}{there}"
    return Peg(
        line=need.line,
        item=need.item,
        site=it.site,
        supply=it.supply,
        packs=it.packs,
        due=it.due,
        day=it.day,
        wanted_on=need.wanted_on,
        late=late,
        words=words,
    )


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
