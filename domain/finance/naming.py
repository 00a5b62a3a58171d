"""Packs under way between two books, and those of a warehouse's message that has moved none of ours yet.

Such a message explains a difference in the lines and items that it names, and by no more packs than it says. What
cannot be read names nothing, nor does a number of another unit: how many packs that is was why it is quarantined.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple, TypeGuard

from schemas.base import Unit
from schemas.ids import SubjectKind, marked
from schemas.inventory.reports import InventoryKind
from schemas.orders.milestones import Disposition, MilestoneKind
from schemas.procurement.documents import DOCUMENTS, DespatchAdvice, GoodsReceipt

OF_MILESTONES: dict[str, int] = {
    MilestoneKind.SHIPPED: -1,
    MilestoneKind.SHORT_PICKED: -1,
    MilestoneKind.RETURN_RECEIVED: 1,
    MilestoneKind.RETURN_INSPECTED: -1,
}
"""Milestones that change what a site has in all, and whether it has more or fewer packs by them."""
OF_REPORTS: dict[str, int] = {InventoryKind.RECEIPT: 1, InventoryKind.SCRAP: -1}
"""The same of inventory reports; a count says what there is."""
OF_DOCUMENTS: dict[str, int] = {
    next(name for name, document in DOCUMENTS.items() if document is GoodsReceipt): 1,
    next(name for name, document in DOCUMENTS.items() if document is DespatchAdvice): -1,
}
"""The same of procurement documents: goods come, or leave for another site."""


class UnderWay(NamedTuple):
    """Something between two books: `packs` that theirs differ by till it arrives; `at_most`: so many or fewer."""

    packs: int
    by: str
    at_most: bool = False


def explaining(difference: int, under_way: Iterable[UnderWay]) -> list[UnderWay]:
    """The explanation of a difference: all exact figures, and of uncertain ones those that go its way. Empty
    when they do not add up to it."""
    known = list(under_way)
    exact = [x for x in known if not x.at_most]
    rest = difference - sum(x.packs for x in exact)
    partly = [x for x in known if x.at_most and x.packs * rest > 0]
    return [*exact, *partly] if abs(rest) <= abs(sum(x.packs for x in partly)) else []


class OfLine(NamedTuple):
    """Packs of a line of an order, or of a purchase order, whose `number` then begins with `po:`; fewer when negative.
    `line` None: all that is open on the order."""

    number: str
    line: int | None
    packs: int


class OfItem(NamedTuple):
    """Packs of an item at a site, fewer when negative. `counted`: so many were found free on hand."""

    item: str
    site: str
    packs: int
    counted: bool = False


def named(raw: bytes) -> list[OfLine | OfItem]:
    """The packs that a message names."""
    try:
        said = json.loads(raw)
    except (ValueError, RecursionError):
        return []
    return [it for one in (said if isinstance(said, list) else [said]) for it in _named(one)]


def _named(said: Any) -> Iterator[OfLine | OfItem]:
    if not isinstance(said, dict):
        return
    if isinstance(said.get("reports"), list):
        yield from (it for report in said["reports"] if (it := _report(report)))
        return
    data = said.get("data")
    if not isinstance(data, dict):
        return
    kind = data.get("kind")
    if sign := OF_DOCUMENTS.get(str(said.get("type"))):
        yield from _lines(data, SubjectKind.PURCHASE_ORDER, "po", "packs", sign)
    elif kind != MilestoneKind.RETURN_INSPECTED or data.get("disposition") == Disposition.SCRAP:
        yield from _lines(data, SubjectKind.ORDER, "order", "quantity", OF_MILESTONES.get(str(kind), 0))


def _report(said: Any) -> OfItem | None:
    if not isinstance(said, dict):
        return None
    kind, packs = said.get("kind"), said.get("quantity")
    counted, sign = kind == InventoryKind.COUNT, OF_REPORTS.get(str(kind), 0)
    if not (_in_packs(said) and _whole(packs) and (counted or sign)):
        return None
    return OfItem(str(said.get("item")), str(said.get("site")), packs if counted else sign * packs, counted)


def _lines(data: Mapping[str, Any], kind: SubjectKind, order: str, packs: str, sign: int) -> Iterator[OfLine]:
    lines = data.get("lines") if sign else ()
    for it in lines if isinstance(lines, list) else ():
        number = it.get("order", data.get(order)) if isinstance(it, dict) else None
        if isinstance(number, str) and _whole(it.get("line")) and _whole(it.get(packs)) and _in_packs(it):
            yield OfLine(marked(kind, number), it["line"], sign * it[packs])
    if sign and not lines and isinstance(data.get(order), str):
        yield OfLine(marked(kind, data[order]), None, sign)


def _in_packs(said: Mapping[str, Any]) -> bool:
    return said.get("unit") in (None, Unit.PACK)


def _whole(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
