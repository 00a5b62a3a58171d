"""A release in the units that its items are kept in, by what its ERP says of them."""

from decimal import Decimal
from typing import Any, NamedTuple

from domain import measuring, units
from domain.partners.master_data import named_in_release
from schemas.base import Unit
from schemas.copying import made_of
from schemas.ids import erp_of
from schemas.orders.release import BaseLine, ReleasedLine, ReleaseRequest
from schemas.parsing import MAX_FINDINGS, InvalidMessage
from schemas.partners.master_data import Carrier, Item, KeptLine, MasterKind, MasterName
from schemas.workflows.commands import AmendRequest, LineAmendment, ReturnRequest, SentReturn
from store.engine import Connection
from store.orders import measures
from store.partners import master_data


class Measured(NamedTuple):
    """Lines that are kept in another unit than they were ordered in; what cannot be; and the item of the first such."""

    converted: list[BaseLine]
    findings: list[dict[str, str]]


async def measured(connection: Connection, erp: str, release: ReleaseRequest) -> Measured:
    """Measure a release by what is kept of its ERP's master data; without any, items are kept in packs."""
    names = [it for it in named_in_release(erp, release) if it.kind in (MasterKind.ITEM, MasterKind.CARRIER)]
    found = await master_data.bodies(connection, names)
    items = {name.id: Item.model_validate(body) for name, body in found.items() if name.kind is MasterKind.ITEM}
    carriers = [Carrier.model_validate(body) for name, body in found.items() if name.kind is MasterKind.CARRIER]
    converted, findings = units.converted(release, items)
    return Measured(converted, [*findings, *units.unmoved(release, next(iter(carriers), None))])


async def amended(connection: Connection, key: str, wish: AmendRequest) -> AmendRequest:
    """An amendment in the units that the order's items are kept in. Raises `InvalidMessage`."""
    if all(line.quantity is None for line in wish.lines):
        return wish
    known = await measures.kept_lines(connection, key)
    named = {(it.item or known[it.line].item): it for it in wish.lines if it.unit and (it.item or it.line in known)}
    found = await master_data.bodies(connection, [_item(key, item) for item in named])
    lines, findings = [], []
    for n, line in enumerate(wish.lines):
        try:
            lines.append(_amended(line, known.get(line.line), found, key))
        except units.NotConvertible as error:
            findings.append({"field": f"lines[{n}].{error.field}", "rule": error.rule})
    if findings:
        raise InvalidMessage(findings[:MAX_FINDINGS])
    return wish.model_copy(update={"lines": tuple(lines)})


async def sent_back(connection: Connection, key: str, wish: SentReturn) -> ReturnRequest:
    """A return in the units that the order's items are kept in. Raises `InvalidMessage`."""
    stated = {it.line for it in wish.lines if measuring.needs(it, it.quantity)}
    known = await measures.kept_lines(connection, key) if stated else {}
    found = await master_data.bodies(connection, [_item(key, it.item) for n, it in known.items() if n in stated])
    items = {name.id: Item.model_validate(body) for name, body in found.items()}
    order = measuring.Known(known, items)
    lines, findings = measuring.each(wish.lines, "lines", lambda it: measuring.shipped(it, [order]))
    if findings:
        raise InvalidMessage(findings[:MAX_FINDINGS])
    return made_of(ReturnRequest, wish, without={"lines"}, lines=tuple(lines))


def _amended(
    line: LineAmendment, known: KeptLine | None, found: dict[MasterName, dict[str, Any]], key: str
) -> LineAmendment:
    same = known if known and line.item in (None, known.item) else None
    if not line.quantity:
        return line.model_copy(update={"unit": None}) if line.unit else line
    if line.unit is None:
        if same and same.base:
            raise units.NotConvertible("unit", f"say it: the line was released in another than {same.unit}")
        return line
    item = line.item or (same.item if same else "")
    body = found.get(_item(key, item)) or {"id": item or "-", "unit": same.unit if same else Unit.PACK}
    asked = ReleasedLine(line=line.line, item=item or "-", quantity=Decimal(line.quantity), unit=line.unit)
    whole = units.kept(asked, Item.model_validate(body)).quantity
    return line.model_copy(update={"quantity": whole, "unit": None})


def _item(key: str, item: str) -> MasterName:
    return MasterName(erp_of(key), MasterKind.ITEM, item)
