"""Partners' reports in the units of their items: by the order, else by the ERP's record of the item.

An impossible quantity is refused with field and rule, or quarantined with them until the ERP changes the item's units.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from dispatch.events.correlation import Placement, Unplaced
from dispatch.partners.master_data import Registry
from domain import measuring
from domain.measuring import Findings, Items, Known
from domain.units import NotConvertible
from schemas.base import Origin
from schemas.ids import erp_of
from schemas.inventory.reports import InventoryReport, SentReport
from schemas.orders.milestones import Milestone, SentLine, ShippedLine
from schemas.parsing import MAX_FINDINGS, InvalidMessage
from schemas.partners.master_data import Item, KeptLine, MasterKind, MasterName
from schemas.procurement.documents import ProcurementDocument, PurchaseOrder
from schemas.procurement.sent_documents import SentDocument, SentOrder
from store.engine import Connection
from store.orders import measures
from store.partners import master_data

Owner = Callable[[str], str | None]
"""The ERP that owns a site's stock."""


class Unmeasured(InvalidMessage):
    """A quantity has no whole number in the books. `waiting_for`: what could bring the message back."""

    def __init__(self, findings: Findings, waiting_for: str | None) -> None:
        super().__init__(findings[:MAX_FINDINGS])
        self.waiting_for = waiting_for


@dataclass(frozen=True)
class Records:
    """Kept records of items. `missing`: names to ask their owner for again."""

    items: Items
    missing: Sequence[MasterName] = ()
    asked: Sequence[MasterName] = ()

    @property
    def waiting_for(self) -> str | None:
        """The key of a message that these records cannot convert: it waits for a new record of the item."""
        if self.missing:
            return self.missing[0].waiting_for
        return self.asked[0].waiting_for_units if self.asked else None


async def records(connection: Connection, erp: str | None, items: Collection[str]) -> Records:
    """Kept records of an ERP's items."""
    names = sorted(MasterName(erp, MasterKind.ITEM, it) for it in items) if erp else []
    found = await master_data.bodies(connection, names) if names else {}
    known = {name.id: Item.model_validate(body) for name, body in found.items()}
    return Records(known, [name for name in names if name not in found], names)


async def reports(
    connection: Connection, owner: Owner, sent: Sequence[tuple[int, SentReport]]
) -> list[InventoryReport]:
    """Reports of inventory, each with its place in the batch. Raises `Unmeasured`."""
    asked = {(owner(it.site), it.item) for _, it in sent if measuring.report_needs(it)}
    found = {erp: await records(connection, erp, {item for of, item in asked if of == erp}) for erp, _ in asked}
    made, findings, waiting_for = [], Findings(), None
    for n, it in sent:
        by = found.get(owner(it.site), Records({}))
        try:
            made.append(measuring.report(it, by.items))
        except NotConvertible as error:
            findings.append({"field": f"reports[{n}].{error.field}", "rule": error.rule})
            waiting_for = waiting_for or by.waiting_for
    if findings:
        raise Unmeasured(findings, waiting_for)
    return made


async def order(connection: Connection, erp: str, sent: SentOrder) -> tuple[PurchaseOrder, list[KeptLine]]:
    """A purchase order, and what later documents need to know of its lines. Raises `Unmeasured`."""
    by = await records(connection, erp, {it.item for it in sent.lines})
    made, known, findings = measuring.order(sent, by.items)
    if made is None:
        raise Unmeasured(findings, by.waiting_for)
    return made, known


def items_named(sent: SentDocument, known: dict[int, KeptLine]) -> set[str]:
    """The items of which somebody has to say in what they are kept."""
    lines = [it for it in sent.lines if measuring.line_needs(it)]
    return {name for it in lines if (name := measuring.item_of(it, known))}


async def document(
    connection: Connection, erp: str, sent: SentDocument, known: dict[int, KeptLine]
) -> ProcurementDocument:
    """A document on a purchase order whose lines are known. Raises `Unmeasured`."""
    by = await records(connection, erp, items_named(sent, known))
    made, findings = measuring.document(sent, known, by.items)
    if made is None:
        raise Unmeasured([{**it, "field": f"data.{it['field']}"} for it in findings], by.waiting_for)
    return made


async def milestone(
    connection: Connection, sent: Milestone, placement: Placement[SentLine] | Unplaced, registry: Registry
) -> Placement[ShippedLine] | Unplaced:
    """A placed milestone in the units of its orders; or why it is quarantined."""
    if isinstance(placement, Unplaced):
        return placement
    stated = {it.line for it in sent.lines if measuring.needs(it, it.quantity)}
    found = {key: await _known(connection, key, stated) for key in placement.orders} if stated else {}

    def make(line: SentLine) -> ShippedLine:
        about = (key for key in found if any(it is line for it in placement.orders[key]))
        return measuring.shipped(line, [found[key][0] for key in about])

    lines, findings = measuring.each(sent.lines, "data.lines", make)
    if findings:
        return await _unplaced(connection, findings, [by for _, by in found.values()], registry)
    booked = dict(zip(map(id, sent.lines), lines, strict=True))
    of_orders = {key: tuple(booked[id(it)] for it in its) for key, its in placement.orders.items()}
    return Placement(of_orders, placement.links)


async def _known(connection: Connection, key: str, stated: set[int]) -> tuple[Known, Records]:
    lines = await measures.kept_lines(connection, key)
    by = await records(connection, erp_of(key), {it.item for n, it in lines.items() if n in stated})
    return Known(lines, by.items), by


async def _unplaced(connection: Connection, findings: Findings, by: Sequence[Records], registry: Registry) -> Unplaced:
    """An owner of whose word nothing is kept any more is asked again, and its answer brings the event back."""
    for name in (it for records in by for it in records.missing if registry.offers(it.owner)):
        await master_data.want(connection, name)
    waiting_for = next((it.waiting_for for it in by if it.waiting_for), None)
    return Unplaced(str(InvalidMessage(findings))[:500], Origin.PARTNER_MESSAGE, waiting_for)
