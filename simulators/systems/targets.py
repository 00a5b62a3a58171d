"""Absolute targets in a system: of each line and item, the highest revision counts, in any order of arrival."""

from collections import Counter
from collections.abc import Iterable

from schemas.finance.reconciliation import LineFigure
from schemas.messaging.effects import LineTarget

NEVER = -1
"""The revision of what nobody has told yet."""


def counts(revision: int, known: int, *, first: bool = False) -> bool:
    """Whether a word counts beside one that is known. An instruction is the `first` word: an amendment of the same
    revision counts more."""
    return revision > known or (revision == known and not first)


def taken(
    known: tuple[LineFigure, ...], told: Iterable[LineTarget], revision: int, *, first: bool = False
) -> tuple[tuple[LineFigure, ...], tuple[LineFigure, ...]]:
    """The lines after they were told, and those among them that are new."""
    lines = {(it.line, it.item): it for it in known}
    new = {}
    for it in told:
        before = lines.get((it.line, it.item))
        if counts(revision, before.revision if before else NEVER, first=first):
            figure = LineFigure(line=it.line, item=it.item, quantity=it.quantity, revision=revision)
            new[it.line, it.item] = figure
    return tuple(it for _, it in sorted({**lines, **new}.items())), tuple(new.values())


def more(before: Iterable[LineTarget], after: Iterable[LineTarget]) -> Counter[int]:
    """Packs of each line that are more, or less when negative."""
    packs = Counter[int]()
    for it in after:
        packs[it.line] += it.quantity
    for it in before:
        packs[it.line] -= it.quantity
    return packs
