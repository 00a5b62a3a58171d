"""Which changes become proposals: material ones that have lasted, together for each item and site."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from schemas.planning.governor import ANY_CLASS, Cause, Projected, Question, StockReplan, Tolerance
from schemas.plurals import signed


class Look(NamedTuple):
    """The findings of one look.

    `withdrawn`: open proposals to take back, by id. `proposals`: new ones. `new`: sources that are planned as they are
    from now on. `changing`: those that began to differ (their clock is set). `unchanged`: those that are as planned
    again (it is stopped).
    """

    withdrawn: tuple[int, ...]
    proposals: tuple[StockReplan, ...]
    new: tuple[Projected, ...]
    changing: tuple[Projected, ...]
    unchanged: tuple[Projected, ...]


class Rules(NamedTuple):
    """Tolerance by item class (`*`: any other), and how long a change must last."""

    tolerances: Mapping[str, Tolerance]
    debounce_s: float

    def of(self, item_class: str) -> Tolerance:
        """The tolerance of a class."""
        return self.tolerances.get(item_class) or self.tolerances[ANY_CLASS]


def look(found: Iterable[Projected], asked: Iterable[Question], now: datetime, rules: Rules) -> Look:
    """Compare what is projected with what the plan goes by.

    A material change is proposed once it has lasted. Nobody sees a change that goes back before. One that goes back
    later takes its proposal back. An open proposal is never changed, because planners decide what they have
    read: when its item and site change again materially, it is replaced.
    """
    grouped: dict[tuple[str, str], list[Projected]] = defaultdict(list)
    new, changing, unchanged = [], [], []
    lasting = timedelta(seconds=rules.debounce_s)
    for one in found:
        if one.planned_day is None:
            new.append(one)  # what is new was planned by somebody: only what becomes of it is news
        elif not is_material(one, rules):
            unchanged.extend([one] if one.changed_at else [])
        elif one.changed_at is None:
            changing.append(one)
        elif now - one.changed_at >= lasting:
            grouped[one.item, one.site].append(one)
    withdrawn = []
    for question in asked:
        group = grouped.get((question.item, question.site), [])
        if not group or (now - question.raised_at >= lasting and _differs(question, group, rules)):
            withdrawn.append(question.id)
        else:
            del grouped[question.item, question.site]
    proposals = tuple(_proposal(item, site, group) for (item, site), group in sorted(grouped.items()))
    return Look(tuple(withdrawn), proposals, tuple(new), tuple(changing), tuple(unchanged))


def is_material(one: Projected, rules: Rules) -> bool:
    """Whether a change is beyond the tolerance of its item's class, in packs or in days."""
    cause = change(one)
    return rules.of(one.item_class).exceeded(cause.packs, cause.days, abs(one.planned_packs or 0))


def change(one: Projected) -> Cause:
    """The difference to the plan."""
    days = (one.day - one.planned_day).days if one.planned_day else 0
    packs = one.packs - (one.planned_packs or 0)
    return Cause(source=one.source, packs=packs, days=days, to_packs=one.packs, to_day=one.day)


def _differs(question: Question, group: list[Projected], rules: Rules) -> bool:
    """Whether a planner should be asked anew: for another cause, or because one has changed by as much again."""
    known = {cause.source: cause for cause in question.causes}
    if known.keys() != {one.source for one in group}:
        return True
    for one in group:
        cause = known[one.source]
        days = (one.day - cause.to_day).days if cause.to_day else 0
        if rules.of(one.item_class).exceeded(one.packs - cause.to_packs, days, abs(cause.to_packs)):
            return True
    return False


def _proposal(item: str, site: str, group: list[Projected]) -> StockReplan:
    causes = tuple(change(one) for one in sorted(group, key=lambda x: x.source))
    said = ", ".join(f"{x.source} {signed(x.packs, 'pack')} {signed(x.days, 'day')}" for x in causes)
    return StockReplan(
        item=item,
        site=site,
        packs=sum(-x.packs if x.takes_away else x.packs for x in causes),
        day=max(x.day for x in group),
        slipped_days=max((x.days for x in causes), key=abs),
        causes=causes,
        summary=f"{item} at {site}: {said}"[:500],
        item_class=group[0].item_class,
    )
