"""Sums and latest moments of each line over many shipments, brought on by what changed in a few of them."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from domain.milestones.shipments import Packs

Pair = tuple[Packs, Packs]
"""The share of one shipment in a sum, before and now."""


def differing(one: Mapping[int, Any], other: Mapping[int, Any]) -> set[int]:
    """The lines of which two mappings say something else. Nothing has to be compared when they are the same one."""
    if one is other:
        return set()
    found = {line for line, value in other.items() if one.get(line) != value}
    found.update(line for line in one.keys() - other.keys())
    return found


def shifted(total: dict[int, int], pairs: Iterable[Pair], touched: set[int]) -> dict[int, int]:
    """The sum after the shipments of `pairs` have changed; the same mapping when none did. `touched` hears of lines."""
    result = total
    for before, now in pairs:
        if before is now or before == now:
            continue
        if result is total:
            result = dict(total)
        for line, packs in now.items():
            more = packs - before.get(line, 0)
            if more:
                result[line] = result.get(line, 0) + more
                touched.add(line)
        for line in before.keys() - now.keys():
            result[line] -= before[line]
            touched.add(line)
    return result


class Carried(NamedTuple):
    """The lines that a shipment carries, and a moment of it: when it was delivered, or its ETA."""

    lines: Packs
    at: datetime | None


def latest(
    known: dict[int, datetime], pairs: Iterable[tuple[Carried, Carried]], everything: Callable[[], Iterable[Carried]]
) -> dict[int, datetime]:
    """The latest moment of each line, after the shipments of `pairs` have changed. `everything`: all shipments, asked
    only for lines whose latest moment was one of these and is not any more."""
    result, fallen = known, set[int]()
    for before, now in pairs:
        if before.at == now.at and (before.lines is now.lines or before.lines == now.lines):
            continue
        if result is known:
            result = dict(known)
        if before.at is not None:
            stays = now.lines.keys() if now.at is not None and now.at >= before.at else ()
            fallen.update(line for line in before.lines.keys() - stays if result[line] == before.at)
        if now.at is not None:
            for line in now.lines:
                found = result.get(line)
                if found is None or found < now.at:
                    result[line] = now.at
    return _found_again(result, fallen, everything) if fallen else result


def _found_again(
    result: dict[int, datetime], fallen: set[int], everything: Callable[[], Iterable[Carried]]
) -> dict[int, datetime]:
    dated = [(it.at, it.lines) for it in everything() if it.at is not None]
    for at, lines in sorted(dated, key=lambda it: it[0], reverse=True):
        for line in fallen & lines.keys():
            result[line] = at
        fallen -= lines.keys()
        if not fallen:
            break
    for line in fallen:
        del result[line]
    return result


def highest(
    known: datetime | None,
    pairs: Iterable[tuple[datetime | None, datetime | None]],
    everything: Callable[[], Iterable[datetime | None]],
) -> datetime | None:
    """The latest moment of all, after some have changed."""
    lost, best = False, known
    for before, now in pairs:
        lost = lost or (before is not None and before == known and (now is None or now < before))
        best = now if now is not None and (best is None or now > best) else best
    if lost and best == known:
        return max((moment for moment in everything() if moment is not None), default=None)
    return best
