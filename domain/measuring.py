"""Messages in partners' units, in the units of our books: inventory, documents of purchase orders, milestones.

Pure. Whatever has no whole number in the books is a finding that names field and rule.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple, TypeVar

from domain.units import Measure, NotConvertible, measure, measure_of
from schemas.base import InUnit, Unit
from schemas.copying import made_of
from schemas.inventory.reports import InventoryReport, SentReport
from schemas.orders.milestones import SentLine, ShippedLine
from schemas.partners.master_data import Item, KeptLine
from schemas.procurement.documents import DOCUMENTS, ProcurementDocument, PurchaseOrder
from schemas.procurement.rates import Rate
from schemas.procurement.sent_documents import (
    SENT,
    SentConfirmedLine,
    SentDocument,
    SentDocumentLine,
    SentOrder,
    SentPurchaseLine,
)

Items = Mapping[str, Item]
"""Item data of owners. Of one that is not here, the pack is all that is known."""
Findings = list[dict[str, str]]
Sent = TypeVar("Sent")
Made = TypeVar("Made")
BECOMES: dict[type[SentDocument], type[ProcurementDocument]] = {SENT[name]: DOCUMENTS[name] for name in SENT}
"""Each document in the units of our books."""


def needs(said: InUnit, *amounts: Decimal) -> bool:
    """Whether somebody has to say what an item is kept in: a whole number without a unit is what the books count."""
    return said.unit is not None or any(it != it.to_integral_value() for it in amounts)


def report_needs(report: SentReport) -> bool:
    """The same of a report of inventory."""
    return needs(report, report.quantity)


def line_needs(line: SentDocumentLine) -> bool:
    """The same of a line of a document."""
    return needs(line, line.packs, getattr(line, "damaged", Decimal(0)))


def each(sent: Iterable[Sent], name: str, make: Callable[[Sent], Made]) -> tuple[list[Made], Findings]:
    """Each document in the units of our books, or a finding where that is impossible."""
    made, findings = list[Made](), Findings()
    for n, it in enumerate(sent):
        try:
            made.append(make(it))
        except NotConvertible as error:
            findings.append({"field": f"{name}[{n}].{error.field}", "rule": error.rule})
    return made, findings


def report(sent: SentReport, items: Items) -> InventoryReport:
    """A report of inventory. Raises `NotConvertible`."""
    at = measure(sent.unit, _item(sent.item, items))
    worth: dict[str, Any] = {}
    quantity = at.whole(sent.quantity)
    if sent.unit_value is not None:
        value = at.rate(Rate(sent.unit_value, sent.per), "unit_value")
        worth = {"unit_value": value.price, "per": value.per}
    return made_of(InventoryReport, sent, without={"unit"}, quantity=quantity, **worth)


def order(sent: SentOrder, items: Items) -> tuple[PurchaseOrder | None, list[KeptLine], Findings]:
    """A purchase order, and what later documents need to know of its lines."""
    made, findings = each(sent.lines, "lines", lambda it: _ordered(it, _item(it.item, items)))
    if findings:
        return None, [], findings
    lines = [said for said, _ in made]
    return made_of(PurchaseOrder, sent, without={"lines"}, lines=lines), [known for _, known in made], []


def _ordered(line: SentPurchaseLine, item: Item) -> tuple[dict[str, Any], KeptLine]:
    at = measure(line.unit, item)
    said = _line(line, at)
    kept = KeptLine(line=line.line, item=line.item, unit=at.own)
    if line.unit in (None, at.own):
        return said, kept
    return said, kept.model_copy(update={"base": said["packs"], "asked": line.packs, "asked_unit": line.unit})


def document(
    sent: SentDocument, known: Mapping[int, KeptLine], items: Items
) -> tuple[ProcurementDocument | None, Findings]:
    """A document of a purchase order whose lines are known."""
    said: Sequence[SentDocumentLine] = sent.lines
    lines, findings = each(said, "lines", lambda it: _line(it, _of_line(it, known, items)))
    return (None if findings else made_of(BECOMES[type(sent)], sent, without={"lines"}, lines=lines)), findings


class Known(NamedTuple):
    """Units of an order: its lines, and what its ERP says of items."""

    lines: Mapping[int, KeptLine]
    items: Items


def shipped(line: SentLine, orders: Iterable[Known]) -> ShippedLine:
    """A line of a milestone, for all the orders that it is about. Raises `NotConvertible`."""
    if not needs(line, line.quantity):
        return _shipped(line, int(line.quantity))
    of = [(it.lines[line.line], it.items) for it in orders if line.line in it.lines]
    if not of:
        raise NotConvertible("line", "is not a line of the order, so nobody can say what its unit is")
    found = {measure_of(line.unit, it, _item(it.item, items)).whole(line.quantity) for it, items in of}
    if len(found) > 1:
        raise NotConvertible("order", "say it: the unit is not the same in each order on the shipment")
    return _shipped(line, found.pop())


def _shipped(line: SentLine, packs: int) -> ShippedLine:
    """An unset field stays unset, so that a history holds no defaults."""
    return made_of(ShippedLine, line, without={"unit"}, quantity=packs)


def item_of(line: SentDocumentLine, known: Mapping[int, KeptLine]) -> str | None:
    """The item of a document's line: the one that it names, or that was ordered."""
    other = line.item if isinstance(line, SentConfirmedLine | SentPurchaseLine) else None
    return other or (known[line.line].item if line.line in known else None)


_SAME = Measure(Fraction(1), Unit.PACK)
"""A whole number without a unit is what the books count, whatever that is."""


def _of_line(line: SentDocumentLine, known: Mapping[int, KeptLine], items: Items) -> Measure:
    if not line_needs(line):
        return _SAME
    name, ordered = item_of(line, known), known.get(line.line)
    if name is None:
        raise NotConvertible("line", "is not a line of the purchase order, so nobody can say what its unit is")
    if ordered and ordered.item == name:
        return measure_of(line.unit, ordered, _item(name, items))
    return measure(line.unit, _item(name, items))


def _line(sent: SentDocumentLine, at: Measure) -> dict[str, Any]:
    said = sent.model_dump(exclude_unset=True, exclude={"unit"})
    for name in ("packs", "damaged"):
        if name in said:
            said[name] = at.whole(said[name], name)
    if said.get("unit_price") is not None:
        rate = at.rate(Rate(said["unit_price"], said.get("per", 1)))
        said |= {"unit_price": rate.price, "per": rate.per}
    return said


def _item(name: str, items: Items) -> Item:
    return items.get(name) or Item(id=name)
