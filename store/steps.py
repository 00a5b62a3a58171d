"""One step of an order, as one transaction: view, lines, shipments, outcomes, owed effects, planning deltas.

Safe to repeat: every statement is keyed, and `version` keeps an old record from overwriting a newer one. A pipeline
sends all statements in one round trip.
"""

from psycopg.types.json import Jsonb

from schemas.records import StepRecord
from store import orders
from store.engine import Connection, Database


async def write(database: Database, record: StepRecord) -> None:
    """Write a step. All of it or nothing."""
    async with database.transaction() as connection:
        if record.first_promise:
            release = await orders.release_of(connection, record.order)
            await orders.promised(connection, record.order, record.first_promise, release, record.version)
        async with connection.pipeline():
            await _view(connection, record)
            await _progress(connection, record)
            await _outcomes(connection, record)
            await _effects(connection, record)
            await _deltas(connection, record)


async def _view(connection: Connection, record: StepRecord) -> None:
    await connection.execute(
        "UPDATE order_view SET status = %(status)s, conditions = %(conditions)s, promised_on = %(promised_on)s, "
        "eta = %(eta)s, reason = coalesce(%(reason)s, reason), version = %(version)s, updated_at = clock_timestamp(), "
        "carrier = coalesce(nullif(%(carrier)s, ''), carrier), "
        "parties = CASE WHEN %(carrier)s = '' OR %(carrier)s = ANY(parties) THEN parties "
        "ELSE parties || %(carrier)s::text END, "
        "closed_at = CASE WHEN %(closed)s THEN coalesce(closed_at, clock_timestamp()) END "
        "WHERE key = %(order)s AND version <= %(version)s",
        {
            **record.model_dump(
                include={"order", "version", "status", "promised_on", "eta", "reason", "carrier", "closed"}
            ),
            "conditions": list(record.conditions),
        },
    )


async def _progress(connection: Connection, record: StepRecord) -> None:
    if record.lines:
        await connection.execute(
            "UPDATE order_line_view l SET shipped = greatest(l.shipped, x.shipped), "
            "delivered = greatest(l.delivered, x.delivered), promised_on = x.promised_on, delivered_at = x.delivered_at "
            "FROM unnest(%s::int[], %s::int[], %s::int[], %s::date[], %s::timestamptz[]) "
            "AS x(line, shipped, delivered, promised_on, delivered_at), order_view o "
            "WHERE l.order_key = %s AND l.line = x.line AND o.key = l.order_key AND o.version <= %s",
            (
                [x.line for x in record.lines],
                [x.shipped for x in record.lines],
                [x.delivered for x in record.lines],
                [x.promised_on for x in record.lines],
                [x.delivered_at for x in record.lines],
                record.order,
                record.version,
            ),
        )
    for item in record.shipments:
        await connection.execute(
            "INSERT INTO shipment_order (shipment, order_key, status, eta, shipped_at, delivered_at) "
            "VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT (shipment, order_key) DO UPDATE SET status = excluded.status, "
            "eta = excluded.eta, shipped_at = excluded.shipped_at, delivered_at = excluded.delivered_at, "
            "updated_at = clock_timestamp() WHERE (SELECT version FROM order_view WHERE key = %s) <= %s",
            (
                item.shipment,
                record.order,
                item.status,
                item.eta,
                item.shipped_at,
                item.delivered_at,
                record.order,
                record.version,
            ),
        )
    if record.first_promise is None:
        reason = record.reason or "re-dated by an ETA"
        await orders.add_promise(connection, record.order, record.promised_on, reason, record.version)


async def _outcomes(connection: Connection, record: StepRecord) -> None:
    if not record.outcomes:
        return
    ids = [o.event_id for o in record.outcomes]
    states = ["superseded" if o.superseded else "applied" for o in record.outcomes]
    reasons = [o.superseded for o in record.outcomes]
    inbox = [o.inbox_id for o in record.outcomes]
    await connection.execute(
        "UPDATE event_order o SET state = x.state, reason = x.reason, settled_at = clock_timestamp() "
        "FROM unnest(%s::text[], %s::text[], %s::text[]) AS x(id, state, reason) "
        "WHERE o.order_key = %s AND o.event_id = x.id AND o.state = 'pending'",
        (ids, states, reasons, record.order),
    )
    await connection.execute(
        "UPDATE inbox_message m SET state = x.state, reason = x.reason, settled_at = clock_timestamp() "
        "FROM unnest(%s::bigint[], %s::text[], %s::text[]) AS x(id, state, reason) "
        "WHERE m.id = x.id AND m.state NOT IN ('applied', 'quarantined')",
        (inbox, states, reasons),
    )


async def _effects(connection: Connection, record: StepRecord) -> None:
    if not record.effects:
        return
    await connection.execute(
        "INSERT INTO effect (key, order_key, system, operation, shipment, milestone, outcome, attempts, accepted_at, "
        "trace_id) SELECT k, %s, s, o, h, m, 'planned', 0, a, t FROM unnest(%s::text[], %s::text[], %s::text[], "
        "%s::text[], %s::text[], %s::timestamptz[], %s::text[]) AS x(k, s, o, h, m, a, t) ON CONFLICT DO NOTHING",
        (
            record.order,
            [e.key for e in record.effects],
            [e.system for e in record.effects],
            [e.operation for e in record.effects],
            [e.shipment for e in record.effects],
            [e.milestone for e in record.effects],
            [e.accepted_at for e in record.effects],
            [e.traceparent[3:35] for e in record.effects],
        ),
    )


async def _deltas(connection: Connection, record: StepRecord) -> None:
    if not record.deltas:
        return
    await connection.execute(
        "INSERT INTO planning_delta (key, region, order_key, body, accepted_at) SELECT k, r, %s, b, a "
        "FROM unnest(%s::text[], %s::text[], %s::jsonb[], %s::timestamptz[]) AS x(k, r, b, a) ON CONFLICT DO NOTHING",
        (
            record.order,
            [d.key for d in record.deltas],
            [d.region for d in record.deltas],
            [Jsonb(d.model_dump(mode="json")) for d in record.deltas],
            [d.accepted_at for d in record.deltas],
        ),
    )
    await connection.execute("NOTIFY planning")
