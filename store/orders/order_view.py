"""An order as its steps write it: where it stands, its first promise, its lines, its shipments."""

from psycopg.types.json import Jsonb

from schemas.messaging.order_effects import RedatePromise
from schemas.messaging.owed import EffectsPlanned
from schemas.orders.changes import (
    ApartChanged,
    LineRecord,
    LinesChanged,
    OrderPromised,
    OrderViewChanged,
    ShipmentsChanged,
)
from store.batches import RowBatch
from store.changes import StepScope
from store.engine import Connection
from store.inventory import reservations
from store.orders import orders

STAGES = ("ordered", "cancelled", "allocated", "picked", "packed", "shipped", "delivered", "returned")
LINES = RowBatch[LineRecord](
    line="int",
    item="text",
    **dict.fromkeys(STAGES, "int"),
    promised_on="date",
    delivered_at="timestamptz",
    delivered_on="date",
)


async def write_promise(connection: Connection, scope: StepScope, change: OrderPromised) -> None:
    """Write the first promise, and have lines looked at for which stock became known meanwhile."""
    release = await orders.release_of(connection, scope.order)
    await orders.promised(connection, scope.order, change.promise, release, scope.version)
    await reservations.begin(connection, scope.order)


async def write_view(connection: Connection, scope: StepScope, change: OrderViewChanged) -> None:
    """Write where the order stands, and its promise, if that is another than before."""
    payloads = (it.payload for it in scope.record.get(EffectsPlanned).effects)
    dated = (it.reason for it in payloads if isinstance(it, RedatePromise) and it.reason)
    because = change.reason or next(dated, "re-dated by an ETA")
    await connection.execute(
        f"""
        WITH fresh AS ({orders.FRESH_PROMISE})
        UPDATE order_view
        SET status = %(status)s, conditions = %(conditions)s, promised_on = %(promised_on)s,
            promise_reason = coalesce((SELECT reason FROM fresh), promise_reason), eta = %(eta)s,
            reason = coalesce(%(reason)s, reason), version = %(version)s, updated_at = clock_timestamp(),
            carrier = coalesce(nullif(%(carrier)s, ''), carrier),
            parties = CASE
                WHEN %(carrier)s = '' OR %(carrier)s = ANY(parties) THEN parties
                ELSE parties || %(carrier)s::text
            END,
            closed_at = CASE WHEN %(closed)s THEN coalesce(closed_at, clock_timestamp()) END
        WHERE key = %(order)s AND version <= %(version)s
        """.encode(),
        {
            **change.model_dump(include={"status", "promised_on", "eta", "reason", "carrier", "closed"}),
            "order": scope.order,
            "version": scope.version,
            "because": because if scope.record.find(OrderPromised) is None else None,
            "conditions": list(change.conditions),
        },
    )


async def write_lines(connection: Connection, scope: StepScope, change: LinesChanged) -> None:
    """Write the lines; an amendment may have added some. What came back is also counted by returns: it never falls."""
    await connection.execute(
        f"""
        INSERT INTO order_line_view AS l (order_key, {LINES.names}, first_promised_on)
        SELECT o.key, x.*, x.promised_on
        FROM order_view o, {LINES.rows}
        WHERE o.key = %(order)s AND o.version <= %(version)s
        ON CONFLICT (order_key, line) DO UPDATE
        SET {LINES.updates("line", "returned")},
            returned = least(excluded.shipped, greatest(l.returned, excluded.returned))
        """.encode(),
        {"order": scope.order, "version": scope.version, **LINES.arrays(change.lines)},
    )


async def write_shipments(connection: Connection, scope: StepScope, change: ShipmentsChanged) -> None:
    """Write the shipments."""
    for item in change.shipments:
        await connection.execute(
            """
            INSERT INTO shipment_order (shipment, order_key, status, eta, shipped_at, delivered_at)
            VALUES (%s, %s, %s, %s, %s, %s)
            ON CONFLICT (shipment, order_key) DO UPDATE
            SET status = excluded.status, eta = excluded.eta, shipped_at = excluded.shipped_at,
                delivered_at = excluded.delivered_at, updated_at = clock_timestamp()
            WHERE (SELECT version FROM order_view WHERE key = %s) <= %s
            """,
            (
                item.shipment,
                scope.order,
                item.status,
                item.eta,
                item.shipped_at,
                item.delivered_at,
                scope.order,
                scope.version,
            ),
        )


async def write_apart(connection: Connection, scope: StepScope, change: ApartChanged) -> None:
    """Write what stands apart from the lines."""
    await connection.execute(
        """
        UPDATE order_view
        SET apart = %s
        WHERE key = %s AND version <= %s
        """,
        (Jsonb(change.apart.model_dump(mode="json")), scope.order, scope.version),
    )
