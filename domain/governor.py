"""Which changes become proposals: material ones that have come to rest, together for each item and site."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

from schemas.governing import Cause, Projected, StockReplan, Tolerance

TOLERANCES = {
    "A": Tolerance(packs=1, days=1),
    "B": Tolerance(packs=10, days=2),
    "C": Tolerance(packs=100, days=5),
}
"""By item class: A is what sells or costs most. An item without a class is B."""


class Look(NamedTuple):
    """What one look found: proposals, sources that planners know from now on, those that began to change (their clock
    is set), and those that are as planned again."""

    proposals: tuple[StockReplan, ...]
    told: tuple[Projected, ...]
    changing: tuple[Projected, ...]
    calm: tuple[Projected, ...]


def look(found: Iterable[Projected], now: datetime, debounce_s: float) -> Look:
    """Compare what is projected with what planners know.

    A material change is proposed once it is `debounce_s` old: one that goes back before is never seen by anybody.
    """
    material: dict[tuple[str, str], list[Projected]] = defaultdict(list)
    told, changing, calm = [], [], []
    for one in found:
        if one.planned_day is None:
            told.append(one)  # what is new was planned by somebody: only what becomes of it is news
        elif not is_material(one):
            calm.extend([one] if one.changed_at else [])
        elif one.changed_at is None:
            changing.append(one)
        elif now - one.changed_at >= timedelta(seconds=debounce_s):
            material[one.item, one.site].append(one)
    proposals = tuple(_proposal(item, site, group) for (item, site), group in sorted(material.items()))
    told += [one for group in material.values() for one in group]
    return Look(proposals, tuple(told), tuple(changing), tuple(calm))


def is_material(one: Projected) -> bool:
    """Whether a change is beyond the tolerance of its item's class, in packs or in days."""
    tolerance, cause = TOLERANCES[one.item_class], change(one)
    return abs(cause.packs) >= tolerance.packs or abs(cause.days) >= tolerance.days


def change(one: Projected) -> Cause:
    """The difference to what planners know."""
    days = (one.day - one.planned_day).days if one.planned_day else 0
    return Cause(source=one.source, packs=one.packs - (one.planned_packs or 0), days=days)


def _proposal(item: str, site: str, group: list[Projected]) -> StockReplan:
    causes = tuple(change(one) for one in sorted(group, key=lambda x: x.source))
    packs, days = sum(x.packs for x in causes), max((x.days for x in causes), key=abs)
    said = ", ".join(f"{x.source} {x.packs:+d} packs {x.days:+d} days" for x in causes)
    return StockReplan(
        item=item,
        site=site,
        packs=packs,
        day=max(x.day for x in group),
        slipped_days=days,
        causes=causes,
        summary=f"{item} at {site}: {said}"[:500],
    )
