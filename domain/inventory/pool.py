"""The pool that promises draw from: packs of stock and of named supply that are still free."""

from collections.abc import Iterable, Mapping
from datetime import date
from types import MappingProxyType
from typing import NamedTuple

from schemas.inventory.promising import REPLENISHMENT, STOCK, Reservation, Source

Place = tuple[str, str, str]
"""Item, site and supply."""
NOTHING: Mapping[Place, int] = MappingProxyType({})


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
    """Free packs of each item, by site and supply. Packs that are taken are gone for the next line."""

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

    def take(self, reservations: Iterable[Reservation]) -> None:
        """Reserved packs are not free any more. Replenishment never runs out."""
        for it in reservations:
            if it.supply != REPLENISHMENT:
                self._left[it.item, it.site, it.supply] -= it.packs
