"""Real orders for the demo: the supply chain history file read into order releases and what happened to them.

Every row of the file ends as an order line, or in a finding that says why not. `RULES` states how; the demo prints it.
"""

import csv
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path

from pydantic import ValidationError

from schemas.base import Variant
from schemas.orders.milestones import ShippedLine
from schemas.orders.release import OrderLine, OrderRelease, Party
from simulators.orders.countries import region_of
from simulators.orders.history_rows import (
    COLUMNS,
    DELIVERED,
    ORDER,
    PO_SENT,
    SHIPMENT,
    VARIANTS,
    VIA,
    HistoryRow,
    RowFinding,
    Rule,
    UnusableRow,
    adjustments,
    read_row,
    supplier_id,
)
from simulators.world import network
from simulators.world.happened import HistoricOrder, HistoricShipment, expectations, plan, release_by, released_at

__all__ = [
    "RULES",
    "HistoricOrder",
    "HistoricShipment",
    "OrderHistory",
    "RowFinding",
    "expectations",
    "plan",
    "read_history",
]

RULES = (
    "`po / so #` is the order, `asn/dn #` the shipment. Each row is a line, numbered from 1 in the order of the file",
    "`scheduled delivery date` is the day promised for the line; `delivered to client date` is what happened, and "
    "`delivery recorded date` when it was heard",
    "`fulfill via` is the variant. From RDC picks in the distribution centre of the client's region: one a region is "
    "assumed. Direct Drop ships from the vendor",
    "an order is released at 08:00 UTC on the day its PO was sent to the vendor. Without that day, the day its PQ was "
    "sent to the client counts",
    "the file names no carriers: one per mode and region is assumed",
    "the country of dispatch of a direct drop is the one that its manufacturing site names",
    *Rule,
)
"""Rules of reading the file, one sentence each. Those of `Rule` are also named by the findings."""

_Numbered = tuple[int, dict[str, str]]


@dataclass(frozen=True)
class OrderHistory:
    """The result of reading: orders in file order, findings in row order, and the applied rules."""

    orders: tuple[HistoricOrder, ...]
    findings: tuple[RowFinding, ...]
    rules: tuple[str, ...] = RULES


def read_history(path: Path, limit: int | None = None) -> OrderHistory:
    """Read the file. `limit`: so many of its order numbers, each with all of its rows: see `_sample`.

    Raises OSError when the file cannot be read and ValueError when it lacks a column.
    """
    findings: list[RowFinding] = []
    orders: list[HistoricOrder] = []
    taken: set[str] = set()
    for numbered in _rows_by_order(path, limit):
        rows = _consistent(_usable(numbered, findings), taken, findings)
        if not rows:
            continue
        try:
            orders.append(_order(rows, findings))
        except ValidationError:
            findings += [RowFinding(row.number, ORDER, Rule.CONTRACT, "rejected") for row in rows]
        else:
            taken |= {row.shipment for row in rows}
    return OrderHistory(tuple(orders), tuple(sorted(findings, key=lambda finding: finding.row)))


def _rows_by_order(path: Path, limit: int | None) -> list[list[_Numbered]]:
    groups: dict[str, list[_Numbered]] = defaultdict(list)
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        reader = csv.reader(file)
        header = next(reader, [])
        if missing := COLUMNS.difference(header):
            raise ValueError(f"not a delivery history: it has no column {', '.join(sorted(missing))}")
        for number, cells in enumerate(reader, start=2):
            row = dict(zip(header, map(str.strip, cells), strict=False))
            if cells:
                groups[row.get(ORDER, "")].append((number, row if len(cells) == len(header) else {}))
    return _sample(list(groups.values()), limit)


def _sample(orders: list[list[_Numbered]], limit: int | None) -> list[list[_Numbered]]:
    """The first orders of each way of fulfilment, in the shares of the file, at least one of each. A file may begin
    with hundreds of one kind. Orders stay in the order of the file."""
    places: dict[Variant | None, list[int]] = defaultdict(list)
    for place, rows in enumerate(orders):
        places[VARIANTS.get(rows[0][1].get(VIA, ""))].append(place)
    urgency = {place: rank / len(alike) for alike in places.values() for rank, place in enumerate(alike)}
    chosen = sorted(urgency, key=lambda place: (urgency[place], place))[:limit]
    return [orders[place] for place in sorted(chosen)]


def _usable(numbered: Iterable[_Numbered], findings: list[RowFinding]) -> Iterator[HistoryRow]:
    for number, cells in numbered:
        try:
            row = read_row(number, cells)
        except UnusableRow as error:
            findings.append(RowFinding(number, error.field, error.rule, "rejected"))
        else:
            findings += adjustments(row, cells)
            yield row


def _consistent(rows: Iterable[HistoryRow], taken: set[str], findings: list[RowFinding]) -> list[HistoryRow]:
    """The rows that agree with the first row of their order and of their shipment."""
    kept: list[HistoryRow] = []
    first_of: dict[str, HistoryRow] = {}
    for row in rows:
        if kept and row.terms != kept[0].terms:
            findings.append(RowFinding(row.number, ORDER, Rule.ORDER_DIFFERS, "rejected"))
        elif row.shipment in taken:
            findings.append(RowFinding(row.number, SHIPMENT, Rule.SHIPMENT_TAKEN, "rejected"))
        elif first_of.setdefault(row.shipment, row).delivered_on != row.delivered_on:
            findings.append(RowFinding(row.number, DELIVERED, Rule.SHIPMENT_DIFFERS, "rejected"))
        else:
            kept.append(row)
    return kept


def _order(rows: list[HistoryRow], findings: list[RowFinding]) -> HistoricOrder:
    release = _release(rows, findings)
    parts: dict[str, list[tuple[int, HistoryRow]]] = defaultdict(list)
    for line, row in enumerate(rows, start=1):
        parts[row.shipment].append((line, row))
    shipments = tuple(
        HistoricShipment(
            shipment=shipment,
            lines=tuple(ShippedLine(line=line, quantity=row.quantity) for line, row in numbered),
            delivered_on=numbered[0][1].delivered_on,
            recorded_on=max(row.recorded_on for _, row in numbered),
            carrier=str(release.carrier),
        )
        for shipment, numbered in parts.items()
    )
    return HistoricOrder(release, shipments, tuple(row.number for row in rows))


def _release(rows: list[HistoryRow], findings: list[RowFinding]) -> OrderRelease:
    terms = rows[0].terms
    region = region_of(terms.country)
    last = max(row.scheduled_on for row in rows)
    direct = terms.variant is Variant.DIRECT_DROP
    centre = network.centre(region)
    vendor = Party(id=supplier_id(terms.vendor), name=terms.vendor, country=rows[0].made_in or terms.country)
    return OrderRelease(
        number=rows[0].order,
        released_at=released_at(_release_day(rows, findings)),
        requested_on=last,
        variant=terms.variant,
        lines=tuple(_line(number, row, last) for number, row in enumerate(rows, start=1)),
        ship_from=vendor if direct else centre,
        ship_to=Party(id=terms.client, country=terms.country),
        site=None if direct else centre.id,
        supplier=vendor.id if direct else None,
        carrier=network.carrier(terms.mode, region),
        region=region,
        incoterm=terms.incoterm,
        mode=terms.mode,
        clock="events",
    )


def _line(number: int, row: HistoryRow, last: date) -> OrderLine:
    return OrderLine(
        line=number,
        item=row.item,
        description=row.description,
        quantity=row.quantity,
        value=None if row.value is None else round(Decimal(str(row.value)), 4),
        requested_on=row.scheduled_on if row.scheduled_on != last else None,
    )


def _release_day(rows: list[HistoryRow], findings: list[RowFinding]) -> date:
    terms = rows[0].terms
    latest = release_by(
        terms.variant, terms.mode, (day for row in rows for day in (row.scheduled_on, row.delivered_on))
    )
    sent = min((row.sent_on for row in rows if row.sent_on), default=None)
    if sent is not None and sent <= latest:
        return sent
    rule = Rule.RELEASE_MOVED if sent else Rule.NO_RELEASE_DATE
    findings.append(RowFinding(rows[0].number, PO_SENT, rule, "adjusted"))
    return latest
