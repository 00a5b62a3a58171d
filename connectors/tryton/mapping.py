"""Our contracts as Tryton's records, and back. Pure."""

from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

from connectors.tryton.codes import SHIPMENT, TrytonState
from connectors.tryton.journal import JournalEntry, Told, Wanted
from schemas.messaging.effects import LineTarget
from schemas.messaging.instructions import ReturnNotice, WarehouseAmendment, WarehouseInstruction
from schemas.orders.release import Party


class Warehouse(NamedTuple):
    """A `stock.location` of the type warehouse, and its zones: ids."""

    id: int
    input: int
    storage: int
    output: int


class TrytonCustomer(NamedTuple):
    """A `party.party`: its id, and the location that stands for what it has."""

    id: int
    location: int


class KnownItem(NamedTuple):
    """A `product.product`: its id, and that of its unit."""

    id: int
    unit: int


class Shipment(NamedTuple):
    """A `stock.shipment.out`. `moves`: item and packs of each outgoing move that counts, by its id."""

    id: int
    number: str
    state: TrytonState
    day: date | None
    address: int
    customer: TrytonCustomer
    moves: dict[int, tuple[str, int]]

    @property
    def reference(self) -> str:
        """What we call it in answers: its resource, which it has before it has a number."""
        return f"{SHIPMENT},{self.id}"

    @property
    def items(self) -> dict[str, int]:
        """Packs of each item."""
        packs: dict[str, int] = {}
        for item, quantity in self.moves.values():
            packs[item] = packs.get(item, 0) + quantity
        return packs


SHIPMENT_FIELDS = (
    *("number", "state", "planned_date", "delivery_address", "customer.id", "customer.customer_location"),
    *("outgoing_moves.product.code", "outgoing_moves.quantity", "outgoing_moves.state"),
)


def order_of(key: str, number: str) -> str:
    """`<erp>/<number>`, as the key of a call begins; the number alone where it does not say the ERP."""
    erp, slash, rest = key.partition("/")
    return f"{erp}/{number}" if slash and rest.partition("/")[0] == number else number


def shipment_of(row: Mapping[str, Any]) -> Shipment:
    """A row as Tryton answers it. Raises KeyError, TypeError or ValueError for what is none."""
    moves = {
        move["id"]: (str(move["product"]["code"]), int(move["quantity"]))
        for move in row["outgoing_moves"]
        if move["state"] != TrytonState.CANCELLED
    }
    customer = TrytonCustomer(row["customer"]["id"], row["customer"]["customer_location"])
    day, state = day_of(row["planned_date"]), TrytonState(row["state"])
    return Shipment(row["id"], row["number"] or "", state, day, row["delivery_address"], customer, moves)


def day_of(value: Mapping[str, int] | None) -> date | None:
    """A day as Tryton's JSON has it. Raises KeyError, TypeError or ValueError."""
    return date(value["year"], value["month"], value["day"]) if value else None


def tryton_day(day: date) -> dict[str, Any]:
    """A day, for Tryton's JSON."""
    return {"__class__": "date", "year": day.year, "month": day.month, "day": day.day}


def tryton_decimal(value: Decimal) -> dict[str, str]:
    """An exact decimal, for Tryton's JSON."""
    return {"__class__": "Decimal", "decimal": f"{value:f}"}


def instructed(message: WarehouseInstruction, order: str, key: str, address: int) -> JournalEntry:
    """An instruction's entry."""
    lines = tuple(LineTarget(line=it.line, item=it.item, quantity=it.quantity) for it in message.lines)
    told, day = Told.INSTRUCTED, message.promised_on
    return JournalEntry(
        order=order,
        key=key,
        told=told,
        site=message.site,
        revision=message.revision,
        lines=lines,
        address=address,
        day=day,
    )


def amended(message: WarehouseAmendment, order: str, key: str, address: int | None) -> JournalEntry:
    """An amendment's entry."""
    told, site, revision, day = Told.AMENDED, message.site, message.revision, message.promised_on
    return JournalEntry(
        order=order,
        key=key,
        told=told,
        site=site,
        revision=revision,
        lines=message.lines,
        address=address,
        day=day,
    )


def returned(message: ReturnNotice, entries: Iterable[JournalEntry]) -> dict[str, int]:
    """Packs of each item that come back. Raises KeyError for a line that the order did not have."""
    items = {it.line: it.item for entry in entries for it in entry.lines}
    packs: dict[str, int] = {}
    for line in message.lines:
        packs[items[line.line]] = packs.get(items[line.line], 0) + line.quantity
    return packs


def new_shipment(
    reference: str,
    wanted: Wanted,
    customer: TrytonCustomer,
    at: Warehouse,
    items: Mapping[str, KnownItem],
    currency: int,
) -> dict[str, Any]:
    """A shipment that is to be created."""
    return {
        "reference": reference,
        "customer": customer.id,
        "delivery_address": wanted.address,
        "warehouse": at.id,
        "warehouse_storage": at.storage,
        "warehouse_output": at.output,
        **({"planned_date": tryton_day(wanted.day)} if wanted.day else {}),
        "outgoing_moves": [["create", moves(wanted.items, items, at.output, customer.location, currency)]],
    }


def new_return(
    reference: str,
    packs: Mapping[str, int],
    outgoing: Shipment,
    at: Warehouse,
    items: Mapping[str, KnownItem],
    currency: int,
) -> dict[str, Any]:
    """A customer's return that is to be created."""
    return {
        "reference": reference,
        "customer": outgoing.customer.id,
        "contact_address": outgoing.address,
        "warehouse": at.id,
        "warehouse_storage": at.storage,
        "warehouse_input": at.input,
        "incoming_moves": [["create", moves(packs, items, outgoing.customer.location, at.input, currency)]],
    }


def moves(
    packs: Mapping[str, int], items: Mapping[str, KnownItem], origin: int, to: int, currency: int
) -> list[dict[str, Any]]:
    """Moves that are to be created, one an item. Their price is the sale's matter, and none is known here."""
    ways = {"from_location": origin, "to_location": to, "unit_price": tryton_decimal(Decimal(0)), "currency": currency}
    return [
        {"product": items[item].id, "unit": items[item].unit, "quantity": float(quantity), **ways}
        for item, quantity in packs.items()
        if quantity
    ]


def changes(
    shipment: Shipment, wanted: Wanted, items: Mapping[str, KnownItem], at: Warehouse, currency: int
) -> dict[str, Any]:
    """What has to be written to a shipment, so that it is as wanted; nothing when it is. A person's second move of an
    item is deleted: packs are absolute."""
    kept: dict[str, int] = {}
    deleted, written = [], []
    for move, (item, quantity) in sorted(shipment.moves.items()):
        target = wanted.items.get(item, 0)
        if item in kept or not target:
            deleted.append(move)
            continue
        kept[item] = move
        if quantity != target:
            written.append((move, float(target)))
    new = {item: quantity for item, quantity in wanted.items.items() if item not in kept}
    created = moves(new, items, at.output, shipment.customer.location, currency)
    actions: list[list[Any]] = [["write", [move], {"quantity": quantity}] for move, quantity in written]
    actions += [["delete", deleted]] if deleted else []
    actions += [["create", created]] if created else []
    found: dict[str, Any] = {"outgoing_moves": actions} if actions else {}
    if wanted.address is not None and wanted.address != shipment.address:
        found["delivery_address"] = wanted.address
    if wanted.day is not None and wanted.day != shipment.day:
        found["planned_date"] = tryton_day(wanted.day)
    return found


def address_values(ship_to: Party, customer: int, country: int | None) -> dict[str, Any]:
    """A party's address that is to be created."""
    found = {"party": customer, "party_name": ship_to.name, "street": ship_to.address}
    return {**found, "country": country} if country else found
