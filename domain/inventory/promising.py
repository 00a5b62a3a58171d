"""Order promising: which packs an order gets, and the day that follows.

Sources that keep the wanted day are preferred: the line's own reservations, then the order's own site, then others. Of
each, stock comes before supplies by their day. Beyond the wanted day, the earliest source is taken. Replenishment,
which nobody has named yet, is always possible and always last.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from heapq import merge
from typing import NamedTuple

from domain.days import brought_on, shared_day, working_days_after
from domain.inventory.availability import expected_on
from domain.inventory.pool import NOTHING, Option, Place, Pool
from schemas.days import EVERY_DAY, Way
from schemas.inventory.promising import (
    REPLENISHMENT,
    STOCK,
    Given,
    Need,
    OpenLine,
    Reservation,
    Reserved,
    Sending,
    Source,
    Terms,
)
from schemas.orders.milestones import ShippedLine
from schemas.orders.release import LinePromise, Promise
from schemas.plurals import counted

BY_LEAD_TIME = "by lead time"
MOST_WORDS = 5
"""Lines that a reason explains; the promise travels with the order's history."""


def target(need: Need, terms: Terms) -> date:
    """The day that the line should keep: as wanted, as the lead time allows, and not before its first promise."""
    wanted = shared_day(need.wanted_on, terms.carriage, terms.there)
    return max(wanted, need.not_before, delivered_on(terms.released_on, terms.site, terms))


def delivered_on(due: date, site: str, terms: Terms) -> date:
    """The day on which packs are delivered that are on hand at a site on a day."""
    here = terms.here if site == terms.site else terms.elsewhere.get(site, EVERY_DAY)
    leaves = working_days_after(due, terms.handling_days, here)
    return brought_on(leaves, terms.lead_days - terms.handling_days, Way(here, terms.carriage, terms.there))


def find(
    need: Need,
    terms: Terms,
    pool: Pool,
    today: date,
    held: Sequence[Reservation] = (),
    kept: Mapping[Place, int] = NOTHING,
) -> tuple[Reservation, ...]:
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
    return tuple(_reservation(need, it, terms, late=late) for it in found.values())


def _ranked(
    need: Need, terms: Terms, pool: Pool, today: date, held: Sequence[Reservation], kept: Mapping[Place, int]
) -> Iterator[Option]:
    """Sources to take packs from, best first. Those of a site are in that order already, and few are ever looked at.
    So an item with thousands of orders stays cheap."""
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
    unnamed = Option(terms.site, REPLENISHMENT, "", need.packs, due, delivered_on(due, terms.site, terms))
    return merge(own, *others, (unnamed,), key=preference)


def day_of(need: Need, terms: Terms, reservations: Iterable[Reservation]) -> date:
    """The day to promise: that of its last packs, or what it should keep."""
    return max((target(need, terms), *(it.day for it in reservations)))


def _held(
    need: Need, terms: Terms, pool: Pool, today: date, held: Sequence[Reservation], kept: Mapping[Place, int]
) -> Iterator[Option]:
    """Reservations that can stay as they are. Held stock, and replenishment that is still to come, keep their day."""
    for own in held:
        if own.supply == REPLENISHMENT and own.day >= today:
            yield Option(own.site, REPLENISHMENT, "", own.packs, own.due, own.day, held=True)
        source = pool.at(need.item, own.site, own.supply)
        packs = min(own.packs, pool.left((need.item, own.site, own.supply), kept)) if source else 0
        if source and packs > 0:
            due = _due(source, today)
            at_best = delivered_on(due, own.site, terms)
            stays = own.supply == STOCK and own.day <= at_best
            begins, day = (own.due, own.day) if stays else (due, at_best)
            yield Option(own.site, own.supply, source.ref, packs, begins, day, held=True, since=source.due)


def _others(
    need: Need,
    terms: Terms,
    pool: Pool,
    today: date,
    held: Sequence[Reservation],
    kept: Mapping[Place, int],
    site: str,
) -> Iterator[Option]:
    """Sources at a site beside the line's own. A site that may not send gives only the packs that are held there."""
    own = {it.supply: it.packs for it in held if it.site == site}
    may_send = site in terms.sites
    for it in pool.of(need.item, site):
        packs = pool.left((it.item, site, it.supply), kept)
        if packs > 0 and (may_send or it.supply in own):
            packs -= own.get(it.supply, 0)
            if packs > 0:
                due = _due(it, today)
                yield Option(site, it.supply, it.ref, packs, due, delivered_on(due, site, terms), since=it.due)


def _due(source: Source, today: date) -> date:
    """When packs are on hand: now, or on the day of their supply."""
    return today if source.supply == STOCK else expected_on(source.due, today)


def _reservation(need: Need, it: Option, terms: Terms, *, late: bool) -> Reservation:
    return Reservation(
        line=need.line,
        item=need.item,
        site=it.site,
        supply=it.supply,
        packs=it.packs,
        due=it.due,
        day=it.day,
        wanted_on=need.wanted_on,
        late=late,
        words=_words(it, terms.site),
    )


def kept(line: OpenLine, pool: Pool) -> tuple[Reservation, ...]:
    """Reservations of a line that is being picked: of each source the packs that there are, for the day that it had."""
    found = []
    for it in line.reservations:
        source = pool.at(it.item, it.site, it.supply)
        there = pool.left((it.item, it.site, it.supply), NOTHING) if source else 0
        packs = it.packs if it.supply == REPLENISHMENT else min(it.packs, there)
        if packs > 0:
            found.append(it.model_copy(update={"packs": packs}))
    return tuple(found)


def worded(line: OpenLine, reservations: Iterable[Reservation], pool: Pool) -> tuple[Reservation, ...]:
    """Reservations with what they are in words."""
    found = []
    for it in reservations:
        source = pool.at(it.item, it.site, it.supply)
        ref, since = (source.ref, source.due) if source else ("", it.due)
        option = Option(it.site, it.supply, ref, it.packs, it.due, it.day, since=since)
        found.append(it.model_copy(update={"words": _words(option, line.terms.site)}))
    return tuple(found)


def _words(it: Option | Reserved, own_site: str) -> str:
    """Where packs come from, for people."""
    there = f" at {it.site}" if it.site != own_site else ""
    if it.supply == STOCK:
        return f"{it.packs} from {it.site} now"
    if it.supply == REPLENISHMENT:
        return f"{it.packs} replenished by {spoken(it.due)}{there}"
    if it.since < it.due:
        return f"{it.packs} from {it.ref} due {spoken(it.since)}, overdue, expected {spoken(it.due)}{there}"
    return f"{it.packs} from {it.ref} due {spoken(it.due)}{there}"


def spoken(day: date) -> str:
    """A day as people say it: `12 Dec`."""
    return f"{day.day} {day:%b}"


def first(
    by_lead_time: Promise, needs: Iterable[Need], terms: Terms, pool: Pool, managed: set[tuple[str, str]]
) -> tuple[Given, tuple[Reservation, ...]]:
    """The first promise of an order and what it reserves. Lines whose item is not stock-managed at the order's site are
    promised by lead time alone, as `by_lead_time` says."""
    reservations: list[Reservation] = []
    days = {it.line: it.promised_on for it in by_lead_time.lines}
    said: list[LinePromised] = []
    unmanaged = 0
    for need in needs:
        if (need.item, terms.site) not in managed:
            unmanaged += 1
            continue
        found = find(need, terms, pool, terms.released_on)
        pool.take(found)
        days[need.line] = day_of(need, terms, found)
        said.append(explained(need.line, days[need.line], found))
        reservations.extend(found)
    if not reservations:
        return Given(promise=by_lead_time.model_copy(update={"reason": f"{by_lead_time.reason}, {BY_LEAD_TIME}"})), ()
    promise = Promise(
        promised_on=max(days.values()),
        lines=tuple(LinePromise(line=line, promised_on=day) for line, day in days.items()),
        reason=_reason(said, unmanaged),
    )
    return Given(promise=promise, sendings=sendings(reservations, terms)), tuple(reservations)


class LinePromised(NamedTuple):
    """A line and why it is promised so: `line 1 promised 12 Dec: 40 from LYS now, 60 from PO 7781 due 10 Dec`."""

    line: int
    words: str

    def __str__(self) -> str:
        return f"line {self.line} {self.words}"


def explained(line: int, day: date, reservations: Iterable[Reservation]) -> LinePromised:
    """Why a line is promised for a day."""
    return LinePromised(line, f"promised {spoken(day)}: {', '.join(it.words for it in reservations)}")


def renewed(reserved: Iterable[Reserved]) -> str:
    """A promise explained by what is reserved for it now; empty when it rests on no stock that is known."""
    lines: dict[int, list[Reserved]] = {}
    for it in reserved:
        lines.setdefault(it.line, []).append(it)
    said = []
    for line, own in lines.items():
        taken = [f"{own[0].taken} allocated"] if own[0].taken and own[0].managed else []
        words = [*taken, *(_words(it, it.own_site) for it in own if it.packs)]
        if words:
            said.append(LinePromised(line, f"promised {spoken(own[0].promised_on)}: {', '.join(words)}"))
    return _reason(said, len(lines) - len(said)) if said else ""


def _reason(said: list[LinePromised], unmanaged: int) -> str:
    if len(said) == 1 and not unmanaged:
        return said[0].words
    more = [f"{counted(len(said) - MOST_WORDS, 'more line')} from stock and supply"] if len(said) > MOST_WORDS else []
    by_lead = [f"{counted(unmanaged, 'line')} {BY_LEAD_TIME}"] if unmanaged else []
    return "; ".join((*map(str, said[:MOST_WORDS]), *more, *by_lead))


def sendings(reservations: Iterable[Reservation], terms: Terms) -> tuple[Sending, ...]:
    """Packs that other sites than the order's own send."""
    elsewhere: dict[str, dict[int, int]] = {}
    for it in reservations:
        if it.site != terms.site:
            lines = elsewhere.setdefault(it.site, {})
            lines[it.line] = lines.get(it.line, 0) + it.packs
    return tuple(
        Sending(site=site, lines=tuple(ShippedLine(line=line, quantity=packs) for line, packs in sorted(lines.items())))
        for site, lines in sorted(elsewhere.items(), key=lambda pair: terms.sites.index(pair[0]))
    )
