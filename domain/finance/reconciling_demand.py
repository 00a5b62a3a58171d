"""Comparing open demand with planning, per item and site: what orders still want, by our books and by planning's.

Orders own the figure and planning follows: whatever differs is corrected there, once nothing is under way to it.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from domain.finance.reconciliation import differing
from schemas.base import System
from schemas.finance.reconciliation import About, Comparison, Difference, DifferenceClass
from schemas.plurals import counted

Key = tuple[str, str]
"""(item, site)."""
Class = DifferenceClass


class Unsettled(NamedTuple):
    """A figure that planning need not have yet: `packs` that it lacks. `young`: planning got it so lately that its list
    may be older."""

    by: str
    packs: int
    young: bool


def demand(
    ours: Mapping[Key, int], theirs: Mapping[Key, int], unsettled: Mapping[Key, Sequence[Unsettled]]
) -> Comparison:
    """Compare figures of open demand."""
    found = []
    for key in differing(ours, theirs):
        item, site = key
        mine, said = ours.get(key, 0), theirs.get(key, 0)
        why = _explained(mine - said, unsettled.get(key, ()))
        found.append(
            Difference(
                about=About.DEMAND,
                subject=f"demand for {item} at {site}",
                item=item,
                place=f"demand:{site}",
                kind=Class.TIMING if why else _kind(mine, said),
                ours=str(mine) if key in ours else "",
                theirs=str(said) if key in theirs else "",
                explained_by=why,
                owner=System.PLANNING,
                proposal=f"take in {counted(mine, 'pack')} of open demand for {item} at {site}: have it told again",
            )
        )
    return Comparison(compared=len({*ours, *theirs}), differences=tuple(found))


def _kind(mine: int, said: int) -> Class:
    if not said:
        return Class.MISSING
    return Class.DUPLICATE if said == 2 * mine or not mine else Class.QUANTITY


def _explained(lacking: int, unsettled: Sequence[Unsettled]) -> str:
    """The explanation of packs that planning lacks: exactly those not yet sent, or a change of just now."""
    owed = [it for it in unsettled if it.packs]
    if owed and sum(it.packs for it in owed) == lacking:
        return ", ".join(it.by for it in owed)
    return ", ".join(f"just changed: {it.by}" for it in unsettled if it.young)
