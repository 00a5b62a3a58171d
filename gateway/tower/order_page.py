"""The page of an order: long lists are read and shown in pages, so that the page stays small."""

import math
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from gateway.tower import pages
from schemas.ids import order_key
from store.engine import Connection
from store.orders import order_parts, orders

SIZE = 50
"""Entries of a list on one page. Ten shipments fill as much room."""
SIZES = {"lines": SIZE, "shipments": 10, "effects": SIZE, "timeline": SIZE}
MAX_PAGE = 1000
"""Pages of a list: far beyond what people turn."""

Row = dict[str, Any]


@dataclass(frozen=True)
class Pager:
    """The page shown of one list; `name` is its parameter in the address."""

    name: str
    page: int
    pages: int
    base: str
    others: dict[str, int]

    def url(self, page: int) -> str:
        """The same page with another part of this list; the other lists stay where they are."""
        query = {name: number for name, number in {**self.others, self.name: page}.items() if number > 1}
        return f"{self.base}?{urlencode(query)}#{self.name}" if query else f"{self.base}#{self.name}"


@dataclass(frozen=True)
class OrderPageRead:
    """The data of the page. `newer`: the oldest report on the timeline page before this one."""

    row: Row
    details: dict[str, list[Row]]
    counts: dict[str, int]
    reached: list[order_parts.ReachedMilestone]
    newer: datetime | None
    pagers: dict[str, Pager]

    @property
    def last(self) -> bool:
        """Whether this page of the timeline has the oldest reports."""
        return self.pagers["timeline"].page >= self.pagers["timeline"].pages


async def read(connection: Connection, erp: str, number: str, asked: dict[str, int]) -> OrderPageRead | None:
    """Everything on the page; `asked` are the pages of its lists. None when there is no such order."""
    key = order_key(erp, number)
    found = await orders.find(connection, number, None, erp) if key.isprintable() else []
    if not found:
        return None
    counts = await order_parts.counts(connection, key)
    most = {name: max(1, math.ceil(counts[name] / size)) for name, size in SIZES.items()}
    at = {name: min(asked.get(name, 1), most[name]) for name in SIZES}
    base = pages.order_url(key)
    details = await orders.beside(connection, key)
    details["promises"] = await order_parts.window(connection, key, "promises")
    for name, size in SIZES.items():
        details[name] = await order_parts.window(connection, key, name, at[name], size)
    shipments = [row["shipment"] for row in details["shipments"]]
    return OrderPageRead(
        found[0],
        details,
        counts,
        await order_parts.times(connection, key, shipments),
        await _newer(connection, key, at["timeline"]),
        {name: Pager(name, at[name], most[name], base, at) for name in SIZES},
    )


async def _newer(connection: Connection, key: str, page: int) -> datetime | None:
    if page == 1:
        return None
    [before] = await order_parts.window(connection, key, "timeline", (page - 1) * SIZE, 1)
    moment: datetime = before["received_at"]
    return moment
