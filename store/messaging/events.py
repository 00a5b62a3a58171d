"""Canonical events: once each, linked to the orders that they concern."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from schemas.ids import EventKey, erp_of
from schemas.orders.milestones import MilestoneEvent
from store.batches import RowBatch
from store.engine import Connection
from store.messaging import quarantine


@dataclass(frozen=True)
class NewEvent:
    """An event, about to be placed: as the log keeps it, with every line, and as each of its orders gets it."""

    source: str
    event_id: str
    said: MilestoneEvent
    orders: dict[str, MilestoneEvent]

    @property
    def unique_id(self) -> str:
        """`source#id`: unique over all partners."""
        return self.said.id


BESIDE = frozenset({"id", "received_at", "partner", "role", "inbox_id", "traceparent"})
"""Fields of an event that are columns of its row, of its message or of its partner: its body does not repeat them."""


def _body(event: NewEvent) -> dict[str, Any]:
    return event.said.model_dump(mode="json", exclude_unset=True, exclude={*BESIDE})


async def known(connection: Connection, ids: list[tuple[str, str]]) -> dict[tuple[str, str], int]:
    """The known ones of these (source, id) pairs, with the inbox message that brought them first."""
    cursor = await connection.execute(
        """
        SELECT e.source, e.event_id, e.inbox_id
        FROM event e
        JOIN unnest(%s::text[], %s::text[]) AS x(source, event_id) USING (source, event_id)
        """,
        ([source for source, _ in ids], [event_id for _, event_id in ids]),
    )
    return {(row["source"], row["event_id"]): row["inbox_id"] for row in await cursor.fetchall()}


async def described(connection: Connection, ids: list[tuple[str, str]]) -> dict[tuple[str, str], tuple[str, str]]:
    """Kind and shipment of those of these (source, id) pairs that are known."""
    cursor = await connection.execute(
        """
        SELECT e.source, e.event_id, e.kind, e.shipment
        FROM event e
        JOIN unnest(%s::text[], %s::text[]) AS x(source, event_id) USING (source, event_id)
        """,
        ([source for source, _ in ids], [event_id for _, event_id in ids]),
    )
    return {(row["source"], row["event_id"]): (row["kind"], row["shipment"]) for row in await cursor.fetchall()}


EVENTS = RowBatch[NewEvent](
    source="text",
    event_id="text",
    kind=("text", lambda event: event.said.kind),
    shipment=("text", lambda event: event.said.shipment),
    partner=("text", lambda event: event.said.partner),
    inbox_id=("bigint", lambda event: event.said.inbox_id),
    occurred_at=("timestamptz", lambda event: event.said.occurred_at),
    received_at=("timestamptz", lambda event: event.said.received_at),
    body=("jsonb", _body),
)


async def place(connection: Connection, events: list[NewEvent]) -> set[str]:
    """Write events and link them to their orders; returns the unique ids that are new here.

    Another relay may have placed the same event meanwhile: its id is then missing. Rows are written in the order of
    their ids, so that two relays with the same events queue up instead of deadlocking.
    """
    events = sorted(events, key=lambda event: event.unique_id)
    cursor = await connection.execute(
        f"""
        INSERT INTO event ({EVENTS.names})
        SELECT *
        FROM {EVENTS.rows}
        ON CONFLICT (source, event_id) DO NOTHING
        RETURNING id, source, event_id
        """.encode(),
        EVENTS.arrays(events),
    )
    rows = {str(EventKey(row["source"], row["event_id"])): row["id"] for row in await cursor.fetchall()}
    links = [(key, e.unique_id, rows[e.unique_id]) for e in events if e.unique_id in rows for key in e.orders]
    await connection.execute(
        """
        INSERT INTO event_order (order_key, event_id, event)
        SELECT *
        FROM unnest(%s::text[], %s::text[], %s::bigint[])
        ON CONFLICT DO NOTHING
        """,
        ([link[0] for link in links], [link[1] for link in links], [link[2] for link in links]),
    )
    return set(rows)


@dataclass(frozen=True)
class OrderFacts:
    """The facts by which the relay places an event on an order. `purchase`: it is a purchase order. `shipped_at` and
    `delivered_at` are of the shipment that was asked about."""

    key: str
    number: str
    variant: str
    status: str
    parties: tuple[str, ...]
    released_at: datetime | None = None
    closed_at: datetime | None = None
    purchase: bool = False
    shipped_at: datetime | None = None
    delivered_at: datetime | None = None

    @property
    def erp(self) -> str:
        """The ERP that released it."""
        return erp_of(self.key)


async def orders_named(connection: Connection, numbers: list[str]) -> list[OrderFacts]:
    """Every order with one of these numbers, of any ERP."""
    cursor = await connection.execute(
        """
        SELECT key, number, variant, status, parties, released_at, closed_at
        FROM order_view
        WHERE number = ANY(%s)
        """,
        (numbers,),
    )
    return [OrderFacts(**{**row, "parties": tuple(row["parties"])}) for row in await cursor.fetchall()]


async def orders_on(connection: Connection, shipments: list[str]) -> dict[str, list[OrderFacts]]:
    """The orders on each of these shipments."""
    cursor = await connection.execute(
        """
        SELECT s.shipment, o.key, o.number, o.variant, o.status, o.parties, o.released_at, o.closed_at,
            false AS purchase, s.shipped_at, s.delivered_at
        FROM shipment_order s
        JOIN order_view o ON o.key = s.order_key
        WHERE s.shipment = ANY(%(shipments)s)
        UNION ALL
        -- To a carrier, what a supplier sends on a purchase order is a direct drop like any other.
        SELECT s.shipment, p.key, p.number, 'direct_drop', p.status, p.parties, p.ordered_at, p.closed_at,
            true, NULL, NULL
        FROM inbound_shipment s
        JOIN purchase_order p ON p.key = s.order_key
        WHERE s.shipment = ANY(%(shipments)s)
        """,
        {"shipments": shipments},
    )
    found: dict[str, list[OrderFacts]] = {}
    for row in await cursor.fetchall():
        shipment = row.pop("shipment")
        found.setdefault(shipment, []).append(OrderFacts(**{**row, "parties": tuple(row["parties"])}))
    return found


async def link_shipments(connection: Connection, links: list[tuple[str, str]]) -> None:
    """(shipment, order) pairs that an event has stated."""
    await connection.execute(
        """
        INSERT INTO shipment_order (shipment, order_key, status)
        SELECT s, k, 'promised'
        FROM unnest(%s::text[], %s::text[]) AS x(s, k)
        ON CONFLICT DO NOTHING
        """,
        ([shipment for shipment, _ in links], [key for _, key in links]),
    )
    await quarantine.awaken(connection, sorted({f"shipment:{shipment}" for shipment, _ in links}))


async def supersede(connection: Connection, order_key: str, event_ids: list[str], reason: str) -> None:
    """These events came after their order had ended: settle them, and their messages, with that reason."""
    cursor = await connection.execute(
        """
        UPDATE event_order o
        SET state = 'superseded', reason = %s, settled_at = clock_timestamp()
        FROM event e
        WHERE o.order_key = %s AND o.event_id = ANY(%s) AND o.state = 'pending' AND e.id = o.event
        RETURNING e.inbox_id
        """,
        (reason, order_key, event_ids),
    )
    inbox_ids = [row["inbox_id"] for row in await cursor.fetchall()]
    await connection.execute(
        """
        UPDATE inbox_message
        SET state = 'superseded', reason = %s, settled_at = clock_timestamp()
        WHERE id = ANY(%s) AND state = 'routed'
        """,
        (reason, inbox_ids),
    )


UNKNOWN_RETURN_DAYS = 1
"""Goods may be back before the return is known that they belong to: so long is it waited for."""


async def supersede_unknown(connection: Connection, order_key: str, event_ids: list[str], reason: str) -> None:
    """Settle those of these events that have waited too long for a return that is not known."""
    cursor = await connection.execute(
        """
        SELECT o.event_id
        FROM event_order o
        JOIN event e ON e.id = o.event
        WHERE o.order_key = %s AND o.event_id = ANY(%s) AND e.received_at < now() - make_interval(days => %s)
        """,
        (order_key, event_ids, UNKNOWN_RETURN_DAYS),
    )
    await supersede(connection, order_key, [row["event_id"] for row in await cursor.fetchall()], reason)
