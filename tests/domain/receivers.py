"""Systems that are told of an order, by the rule of the contract: of each thing the highest revision counts."""

from collections.abc import Iterable, Iterator
from random import Random
from typing import Any, NamedTuple

from schemas.messaging.effects import Effect, Operation
from tests.payloads import said

OWN = "LYS"
RELEASED = {(1, "A"): 40, (2, "B"): 60}


class Word(NamedTuple):
    """What a message says of one thing. A `first` word counts less than another of the same revision."""

    about: tuple[Any, ...]
    packs: int
    revision: int
    first: bool

    @property
    def weight(self) -> tuple[int, bool]:
        """The heavier one counts."""
        return self.revision, not self.first


def words(effect: Effect) -> Iterator[Word]:
    """Every quantity that an effect tells."""
    match effect.operation:
        case Operation.INSTRUCT_WAREHOUSE | Operation.AMEND_WAREHOUSE:
            first = effect.operation is Operation.INSTRUCT_WAREHOUSE
            told = {(x.line, x.item): x.quantity for x in said(effect).targets}
            for (line, item), packs in (told or (RELEASED if first else {})).items():
                yield Word(("wms", effect.topic.site or OWN, line, item), packs, effect.revision, first)
        case Operation.TENDER_TRANSPORT | Operation.AMEND_TENDER:
            first = effect.operation is Operation.TENDER_TRANSPORT
            carried = sum(RELEASED.values()) if first and said(effect).packs is None else said(effect).packs
            if carried is not None:
                yield Word(("tms", effect.topic.site or OWN), carried, effect.revision, first)
        case Operation.REPORT_CHANGE:
            for x in said(effect).targets:
                yield Word(("erp", x.line, x.item), x.quantity, effect.revision, False)


def believed(effects: Iterable[Effect]) -> dict[tuple[Any, ...], int]:
    """What the systems believe after these, one after the other."""
    known = {("erp", line, item): Word(("erp", line, item), n, 0, True) for (line, item), n in RELEASED.items()}
    for effect in effects:
        for word in words(effect):
            before = known.get(word.about)
            if (
                before is None
                or word.revision > before.revision
                or (word.revision == before.revision and not word.first)
            ):
                known[word.about] = word
    return {about: word.packs for about, word in known.items()}


class Told:
    """Everything that was told, in order."""

    def __init__(self) -> None:
        self.effects: list[Effect[Any]] = []
        self._keys: set[str] = set()

    def hear(self, effect: Effect) -> None:
        """Once under each key."""
        if effect.key not in self._keys:
            self._keys.add(effect.key)
            self.effects.append(effect)

    def _of(self, system: str) -> dict[tuple[Any, ...], int]:
        return {about[1:]: packs for about, packs in believed(self.effects).items() if about[0] == system}

    def sites(self) -> dict[tuple[Any, ...], int]:
        """(site, line, item) → packs."""
        return self._of("wms")

    def carried(self) -> dict[str, int]:
        """Site → packs."""
        return {site: packs for (site,), packs in self._of("tms").items()}

    def erp(self) -> dict[tuple[Any, ...], int]:
        """(line, item) → packs, of the lines that it was told of."""
        return self._of("erp")

    def check_any_order(self, seed: int) -> None:
        """The last word on each thing, with any of the others, in any order, comes to the same."""
        chance = Random(seed)
        last: dict[tuple[Any, ...], tuple[tuple[int, bool], int]] = {}
        for n, effect in enumerate(self.effects):
            for word in words(effect):
                if word.about not in last or word.weight >= last[word.about][0]:
                    last[word.about] = (word.weight, n)
        needed = {n for _, n in last.values()}
        some = [it for n, it in enumerate(self.effects) if n in needed or chance.random() < 0.5]
        some += chance.choices(some, k=3)
        chance.shuffle(some)
        assert believed(some) == believed(self.effects)
