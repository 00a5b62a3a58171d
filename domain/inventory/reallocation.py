"""Promises again, when stock or supply has changed: the reservations of an item, planned anew in order of priority.

A line keeps its reservations as long as they keep its day. When packs are missing, lines are served by priority, first
promise and order key. A line may take the reservation of a later one, but only where it would be late without.

A line with picked packs comes before all others: the warehouse is at work on it. It keeps the reservations whose packs
are there. It gives up those that are gone, and gets other packs for them.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple

from domain.days import day_of as day_at
from domain.inventory.pool import NOTHING, Place, Pool
from domain.inventory.promising import day_of, explained, find, worded
from domain.inventory.promising import kept as still_there
from schemas.inventory.promising import REPLENISHMENT, STOCK, OpenLine, Rescheduling, Reservation, Source
from schemas.orders.release import LinePromise

WORTH_TELLING = timedelta(days=2)
"""A promise comes forward by no less: who was told a later day is not called back for a day that may be lost again."""


class Planned(NamedTuple):
    """A line with its new reservations and the day that follows."""

    line: OpenLine
    reservations: tuple[Reservation, ...]
    day: date


def in_turn(lines: Iterable[OpenLine]) -> list[OpenLine]:
    """The order in which lines are served."""
    return sorted(lines, key=lambda it: (not it.picked, it.terms.priority, it.need.not_before, it.order, it.need.line))


def replan(lines: Iterable[OpenLine], sources: Sequence[Source], now: datetime) -> list[Planned]:
    """Plan every line anew, as of the day that it is now at its site. `sources` hold all packs that these lines may
    have, what they hold already among them."""
    turn = in_turn(lines)
    served = received(turn, sources)
    pool, kept, found = Pool(sources), Counter[Place](), []
    for it in served:
        kept.update(_held(it))
    for was, it in zip(turn, served, strict=True):
        kept.subtract(_held(it))
        today = day_at(now, it.terms.here)
        reservations = _again(it, pool, kept, today) if it.picked else _best(it, pool, kept, today)
        pool.take(reservations)
        found.append(Planned(was, reservations, day_of(it.need, it.terms, reservations)))
    return found


def _held(line: OpenLine) -> Counter[Place]:
    found = Counter[Place]()
    for it in line.reservations:
        found[it.item, it.site, it.supply] += it.packs
    return found


def _again(line: OpenLine, pool: Pool, kept: Counter[Place], today: date) -> tuple[Reservation, ...]:
    """Reservations of a line that is being picked, and other packs for those that are gone."""
    own = still_there(line, pool)
    gone = line.need.packs - sum(it.packs for it in own)
    if not gone:
        return worded(line, own, pool)
    taken = Counter({(it.item, it.site, it.supply): it.packs for it in own})
    need = line.need.model_copy(update={"packs": gone})
    more = _best(line.model_copy(update={"need": need, "pegs": ()}), pool, kept + taken, today, taken)
    return worded(line, _by_source([*own, *more]), pool)


def _best(
    line: OpenLine, pool: Pool, kept: Counter[Place], today: date, own: Mapping[Place, int] = NOTHING
) -> tuple[Reservation, ...]:
    """From what nobody keeps; only a line that is late otherwise takes from those that are served after it. Its `own`
    is kept apart."""
    modest = find(line.need, line.terms, pool, today, line.reservations, kept)
    if not any(it.late for it in modest):
        return modest
    bold = find(line.need, line.terms, pool, today, line.reservations, own)
    sooner = day_of(line.need, line.terms, bold) < day_of(line.need, line.terms, modest)
    return bold if sooner else modest


def received(lines: list[OpenLine], sources: Sequence[Source]) -> list[OpenLine]:
    """Reservations of a supply that has become less, made reservations of free stock as far as there is any. The supply
    has come in, and the promised day stays."""
    left = Counter[tuple[str, str]]({(it.site, it.supply): it.packs for it in sources})
    for it in lines:
        for reservation in it.reservations:
            if reservation.supply == STOCK:
                left[reservation.site, STOCK] -= reservation.packs
    settled = []
    for it in lines:
        reservations: list[Reservation] = []
        for reservation in it.reservations:
            if reservation.supply in (STOCK, REPLENISHMENT):
                reservations.append(reservation)
                continue
            still = max(0, min(reservation.packs, left[reservation.site, reservation.supply]))
            left[reservation.site, reservation.supply] -= still
            come = max(0, min(reservation.packs - still, left[reservation.site, STOCK]))
            left[reservation.site, STOCK] -= come
            reservations += [reservation] if still == reservation.packs else _parts(reservation, still, come)
        same = all(a is b for a, b in zip(reservations, it.reservations, strict=False)) and len(reservations) == len(
            it.reservations
        )
        settled.append(it if same else it.model_copy(update={"pegs": _by_source(reservations)}))
    return settled


def _parts(reservation: Reservation, still: int, come: int) -> list[Reservation]:
    parts = ((still, reservation.supply), (come, STOCK))
    return [reservation.model_copy(update={"packs": packs, "supply": at}) for packs, at in parts if packs]


def _by_source(reservations: list[Reservation]) -> tuple[Reservation, ...]:
    """One for each site and supply."""
    found: dict[tuple[str, str], Reservation] = {}
    for it in reservations:
        known = found.get((it.site, it.supply))
        packs = it.packs + (known.packs if known else 0)
        found[it.site, it.supply] = max((x for x in (known, it) if x), key=lambda x: x.day).model_copy(
            update={"packs": packs}
        )
    return tuple(found.values())


def changed(planned: Iterable[Planned]) -> list[Planned]:
    """Those that hold something else than before."""
    return [it for it in planned if _essence(it.reservations) != _essence(it.line.reservations)]


def _essence(reservations: Iterable[Reservation]) -> set[tuple[object, ...]]:
    return {(it.site, it.supply, it.packs, it.due, it.day, it.late) for it in reservations}


def reschedulings(planned: Iterable[Planned]) -> list[Rescheduling]:
    """The new days that each order must be told: lines that come later than it was told last, or earlier by enough to
    matter. A supply that trembles by a day is told once."""
    told: dict[str, list[Planned]] = {}
    for it in planned:
        if it.day > it.line.reported_on or it.line.reported_on - it.day >= WORTH_TELLING:
            told.setdefault(it.line.order, []).append(it)
    return [
        Rescheduling(
            order=order,
            promises=tuple(LinePromise(line=it.line.need.line, promised_on=it.day) for it in lines),
            reason="; ".join(str(explained(it.line.need.line, it.day, it.reservations)) for it in lines)[:200],
        )
        for order, lines in sorted(told.items())
    ]
