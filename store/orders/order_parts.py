"""The lists of an order that grow with it, read in parts: a large order costs its readers no more than a small one."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from store.engine import Connection
from store.rows import rows

Row = dict[str, Any]
LAST_SAID = """
    SELECT e.body -> '{0}'
    FROM event e
    JOIN event_order o ON o.event = e.id AND o.order_key = s.order_key
    WHERE e.shipment = s.shipment
        AND o.state <> 'superseded'
        AND coalesce(e.body -> '{0}', 'null') NOT IN ('null', '{1}')
    ORDER BY e.occurred_at DESC, e.id DESC LIMIT 1
"""
"""Fields of the latest report on a shipment that not every report has."""
SHOWN = 100
"""Entries of a list that are read with the order itself."""


@dataclass(frozen=True)
class _List:
    """`keys`: unique in the order, with their types. `newest`: what matters stands at the end of it."""

    columns: str
    source: str
    keys: tuple[tuple[str, str], ...]
    newest: bool = True


_LISTS = {
    "lines": _List(
        """
        v.line, item, coalesce(u.unit, 'PK') AS unit, ordered, cancelled, allocated, picked, packed, shipped,
        delivered, returned, first_promised_on, promised_on, delivered_at, delivered_on
        """,
        """
        order_line_view v
        LEFT JOIN (
            SELECT o.key, (l ->> 'line')::int AS line, l ->> 'unit' AS unit
            FROM order_view o, jsonb_array_elements(o.release -> 'lines') l
        ) u ON u.key = v.order_key
            AND u.line = v.line
        WHERE v.order_key = %s
        """,
        (("v.line", "int"),),
        newest=False,
    ),
    "shipments": _List(
        f"""
        shipment, status, eta, shipped_at, delivered_at, ({LAST_SAID.format("location", "null")}) AS location,
        ({LAST_SAID.format("handling_units", "[]")}) AS handling_units
        """,
        "shipment_order s WHERE order_key = %s",
        (("shipment", "text"),),
        newest=False,
    ),
    "promises": _List("promised_on, reason, made_at", "promise WHERE order_key = %s", (("id", "bigint"),)),
    "effects": _List(
        """
        key, system, operation, shipment, milestone, site, change, outcome, attempts, origin, error,
        reference, trace_id, accepted_at, planned_at, done_at
        """,
        "effect WHERE order_key = %s",
        (("planned_at", "timestamptz"), ("key", "text")),
    ),
    "timeline": _List(
        """
        e.kind, e.shipment, e.partner, e.occurred_at, e.received_at, o.state, o.reason,
        e.body ->> 'location' AS location, coalesce(jsonb_array_length(e.body -> 'handling_units'), 0) AS handling_units,
        o.settled_at
        """,
        "event_order o JOIN event e ON e.id = o.event WHERE o.order_key = %s",
        (("o.event", "bigint"),),
    ),
}
NAMES = tuple(_LISTS)


async def window(connection: Connection, key: str, name: str, page: int = 1, size: int = SHOWN) -> list[Row]:
    """A page of a list, oldest first within it; page 1 has the newest of those whose end matters."""
    asked = _LISTS[name]
    order = ", ".join(f"{column} DESC" if asked.newest else column for column, _ in asked.keys)
    cursor = await connection.execute(
        f"SELECT {asked.columns} FROM {asked.source} ORDER BY {order} LIMIT %s OFFSET %s".encode(),
        (key, size, (page - 1) * size),
    )
    rows = await cursor.fetchall()
    return rows[::-1] if asked.newest else rows


async def after(
    connection: Connection, key: str, name: str, cursor: list[str] | None, limit: int
) -> tuple[list[Row], list[str] | None]:
    """A page after a cursor, oldest first, and the cursor of the rest; None when there is no more.

    Raises psycopg.DataError when the cursor is none of this list.
    """
    asked = _LISTS[name]
    columns = ", ".join(column for column, _ in asked.keys)
    marks = ", ".join(f"%s::{kind}" for _, kind in asked.keys)
    beyond = f"AND ({columns}) > ({marks})" if cursor else ""
    ids = ", ".join(f"({column})::text AS _key{n}" for n, (column, _) in enumerate(asked.keys))
    found = await connection.execute(
        f"SELECT {asked.columns}, {ids} FROM {asked.source} {beyond} ORDER BY {columns} LIMIT %s".encode(),
        (key, *(cursor or ()), limit + 1),
    )
    rows = await found.fetchall()
    last = rows[limit - 1] if len(rows) > limit else None
    return rows[:limit], [last[f"_key{n}"] for n in range(len(asked.keys))] if last else None


async def counts(connection: Connection, key: str) -> dict[str, int]:
    """The number of entries of each list."""
    parts = ", ".join(f"(SELECT count(*) FROM {asked.source}) AS {name}" for name, asked in _LISTS.items())
    cursor = await connection.execute(f"SELECT {parts}".encode(), (key,) * len(_LISTS))
    row = await cursor.fetchone()
    return dict(row or {})


@dataclass(frozen=True)
class ReachedMilestone:
    """The first time that a counting milestone was reached by a shipment; an empty one: by the whole order."""

    kind: str
    shipment: str
    occurred_at: datetime


async def times(connection: Connection, key: str, shipments: list[str]) -> list[ReachedMilestone]:
    """The first time of each counting milestone, of these shipments and of the whole order."""
    return await rows(
        connection,
        ReachedMilestone,
        """
        SELECT e.kind, e.shipment, min(e.occurred_at) AS occurred_at
        FROM event_order o
        JOIN event e ON e.id = o.event
        WHERE o.order_key = %(order)s AND o.state = 'applied' AND e.shipment = ANY(%(shipments)s)
        GROUP BY e.kind, e.shipment
        """,
        {"order": key, "shipments": ["", *shipments]},
    )


def key_count(name: str) -> int:
    """The number of values in a cursor of this list."""
    return len(_LISTS[name].keys)
