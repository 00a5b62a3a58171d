"""Order promising: each line from stock, then from named supplies, then by replenishment; and in words why that day."""

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import NamedTuple

from domain.promise import lead_days
from schemas.orders import LinePromise, OrderRelease, Promise
from schemas.promising import Free, Peg, ProjectedDay

WORDS_FOR_LINES = 3


class Offer(NamedTuple):
    """A promise, what is reserved for it, and the packs that nothing covers yet."""

    promise: Promise
    pegs: tuple[Peg, ...]
    uncovered: int


class Covered(NamedTuple):
    """How a line is covered: the day on which its last pack can leave, and the parts in words."""

    pegs: tuple[Peg, ...]
    ready_on: date
    words: str
    uncovered: int


def offer(release: OrderRelease, free: Mapping[str, Free], replenish_days: int) -> Offer:
    """Promise a release of a warehouse from what is free there.

    A pack that is there on a day is delivered after the variant's lead time. What no supply covers takes
    `replenish_days` more; it is promised, and not reserved. An item that is not among `free` is promised by lead time.
    Two lines of the same item take from the same stock, in the order of their days.
    """
    today = release.released_at.date()
    lead = timedelta(days=lead_days(release.variant, release.mode))
    left = dict(free)
    days: dict[int, date] = {}
    found: dict[int, Covered] = {}
    for line in sorted(release.lines, key=lambda x: (release.wanted_on(x), x.line)):
        ready = today
        if line.item in left:
            what = cover(line.line, line.quantity, release.site or "", left[line.item], today, replenish_days)
            left[line.item] = _less(left[line.item], what.pegs)
            found[line.line], ready = what, what.ready_on
        days[line.line] = max(release.wanted_on(line), ready + lead)
    lines = tuple(LinePromise(line=x.line, promised_on=days[x.line]) for x in release.lines)
    promised_on = max(days.values())
    return Offer(
        Promise(promised_on=promised_on, lines=lines, reason=_words(promised_on, found)),
        tuple(peg for what in found.values() for peg in what.pegs),
        sum(what.uncovered for what in found.values()),
    )


def cover(line: int, packs: int, site: str, free: Free, today: date, replenish_days: int) -> Covered:
    """Cover packs of a line from stock first, then from supplies as they come."""
    pegs, words, ready, missing = [], [], today, packs
    if taken := min(missing, max(0, free.stock)):
        pegs.append(Peg(line=line, item=free.item, site=site, packs=taken, day=today))
        words.append(f"{taken} {free.item} from {site} now")
        missing -= taken
    for supply in sorted(free.supplies, key=lambda x: (x.day, x.key)):
        if taken := min(missing, max(0, supply.packs)):
            day = max(today, supply.day)
            pegs.append(Peg(line=line, item=free.item, site=site, supply=supply.key, packs=taken, day=day))
            words.append(f"{taken} from {supply.ref} due {_day(supply.day)}")
            ready, missing = max(ready, day), missing - taken
    if missing:
        ready = max(ready, today + timedelta(days=replenish_days))
        words.append(f"{missing} {free.item} must be replenished by {_day(ready)}")
    return Covered(tuple(pegs), ready, ", ".join(words), missing)


def _less(free: Free, pegs: Iterable[Peg]) -> Free:
    taken = {peg.supply: peg.packs for peg in pegs}
    supplies = tuple(x.model_copy(update={"packs": x.packs - taken.get(x.key, 0)}) for x in free.supplies)
    return free.model_copy(update={"stock": free.stock - taken.get("", 0), "supplies": supplies})


def _words(promised_on: date, found: Mapping[int, Covered]) -> str:
    if not found:
        return "by lead time: no stock is known of these items"
    told = [found[line].words for line in sorted(found)]
    more = f"; and {len(told) - WORDS_FOR_LINES} more lines" if len(told) > WORDS_FOR_LINES else ""
    return f"promised {_day(promised_on)}: {'; '.join(told[:WORDS_FOR_LINES])}{more}"


def _day(day: date) -> str:
    return f"{day.day} {day:%b}"


def project(
    on_hand: int, supplies: Iterable[tuple[date, int]], reserved: Iterable[tuple[date, int]], today: date, horizon: int
) -> tuple[ProjectedDay, ...]:
    """How much is left to promise at the end of each day: on hand, plus what comes, less what is reserved. What was
    due before today counts today."""
    coming, taken = _by_day(supplies, today), _by_day(reserved, today)
    left, days = on_hand, []
    for day in (today + timedelta(days=n) for n in range(horizon)):
        left += coming.get(day, 0) - taken.get(day, 0)
        days.append(ProjectedDay(day=day, supply=coming.get(day, 0), reserved=taken.get(day, 0), projected=left))
    return tuple(days)


def _by_day(packs: Iterable[tuple[date, int]], today: date) -> dict[date, int]:
    found: dict[date, int] = {}
    for day, quantity in packs:
        found[max(day, today)] = found.get(max(day, today), 0) + quantity
    return found
