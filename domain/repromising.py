"""Promises again, when stock or supply has changed: the reservations of an item, planned anew in order of priority.

A line keeps what it holds as long as that keeps its day. When something is missing, who comes first by priority, first
promise and order key is served first, and may take what a later one held, but only where it would be late without.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import NamedTuple

from domain.promising import Place, Pool, day_of, explained, find
from schemas.orders import LinePromise
from schemas.promising import REPLENISHMENT, STOCK, OpenLine, Peg, Redate, Source

WORTH_TELLING = timedelta(days=2)
"""A promise comes forward by no less: who was told a later day is not called back for a day that may be lost again."""


class Planned(NamedTuple):
    """A line with its new reservations and the day that follows."""

    line: OpenLine
    pegs: tuple[Peg, ...]
    day: date


def in_turn(lines: Iterable[OpenLine]) -> list[OpenLine]:
    """The order in which lines are served."""
    return sorted(lines, key=lambda it: (it.terms.priority, it.need.not_before, it.order, it.need.line))


def replan(lines: Iterable[OpenLine], sources: Sequence[Source], today: date) -> list[Planned]:
    """Plan every line anew. `sources` hold all packs that these lines may have, what they hold already among them."""
    turn = in_turn(lines)
    served = received(turn, sources)
    pool, kept, found = Pool(sources), Counter[Place](), []
    for it in served:
        kept.update(_held(it))
    for was, it in zip(turn, served, strict=True):
        kept.subtract(_held(it))
        pegs = _best(it, pool, kept, today)
        pool.take(pegs)
        found.append(Planned(was, pegs, day_of(it.need, it.terms, pegs)))
    return found


def _held(line: OpenLine) -> Counter[Place]:
    found = Counter[Place]()
    for it in line.pegs:
        found[it.item, it.site, it.supply] += it.packs
    return found


def _best(line: OpenLine, pool: Pool, kept: Counter[Place], today: date) -> tuple[Peg, ...]:
    """From what nobody keeps; only a line that is late otherwise takes from those that are served after it."""
    modest = find(line.need, line.terms, pool, today, line.pegs, kept)
    if not any(it.late for it in modest):
        return modest
    bold = find(line.need, line.terms, pool, today, line.pegs)
    sooner = day_of(line.need, line.terms, bold) < day_of(line.need, line.terms, modest)
    return bold if sooner else modest


def received(lines: list[OpenLine], sources: Sequence[Source]) -> list[OpenLine]:
    """What lines hold of a supply that has become less is stock now, as far as there is any that nobody holds: it has
    come in, and the day that was promised stays."""
    left = Counter[tuple[str, str]]({(it.site, it.supply): it.packs for it in sources})
    for it in lines:
        for peg in it.pegs:
            if peg.supply == STOCK:
                left[peg.site, STOCK] -= peg.packs
    settled = []
    for it in lines:
        pegs: list[Peg] = []
        for peg in it.pegs:
            if peg.supply in (STOCK, REPLENISHMENT):
                pegs.append(peg)
                continue
            still = max(0, min(peg.packs, left[peg.site, peg.supply]))
            left[peg.site, peg.supply] -= still
            come = max(0, min(peg.packs - still, left[peg.site, STOCK]))
            left[peg.site, STOCK] -= come
            pegs += [peg] if still == peg.packs else _parts(peg, still, come)
        same = all(a is b for a, b in zip(pegs, it.pegs, strict=False)) and len(pegs) == len(it.pegs)
        settled.append(it if same else it.model_copy(update={"pegs": _by_source(pegs)}))
    return settled


def _parts(peg: Peg, still: int, come: int) -> list[Peg]:
    parts = ((still, peg.supply), (come, STOCK))
    return [peg.model_copy(update={"packs": packs, "supply": at}) for packs, at in parts if packs]


def _by_source(pegs: list[Peg]) -> tuple[Peg, ...]:
    """One for each site and supply."""
    found: dict[tuple[str, str], Peg] = {}
    for it in pegs:
        known = found.get((it.site, it.supply))
        packs = it.packs + (known.packs if known else 0)
        found[it.site, it.supply] = max((x for x in (known, it) if x), key=lambda x: x.day).model_copy(
            update={"packs": packs}
        )
    return tuple(found.values())


def changed(planned: Iterable[Planned]) -> list[Planned]:
    """Those that hold something else than before."""
    return [it for it in planned if _essence(it.pegs) != _essence(it.line.pegs)]


def _essence(pegs: Iterable[Peg]) -> set[tuple[object, ...]]:
    return {(it.site, it.supply, it.packs, it.due, it.day, it.late) for it in pegs}


def redates(planned: Iterable[Planned]) -> list[Redate]:
    """What each order must be told: lines that come later than it was told last, or earlier by enough to matter. A
    supply that trembles by a day is told once."""
    told: dict[str, list[Planned]] = {}
    for it in planned:
        if it.day > it.line.told_on or it.line.told_on - it.day >= WORTH_TELLING:
            told.setdefault(it.line.order, []).append(it)
    return [
        Redate(
            order=order,
            promises=tuple(LinePromise(line=it.line.need.line, promised_on=it.day) for it in lines),
            reason="; ".join(explained(it.line.need.line, it.day, it.pegs) for it in lines)[:200],
        )
        for order, lines in sorted(told.items())
    ]
