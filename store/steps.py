"""One step of an order, as one transaction: view, lines, shipments, outcomes, owed effects, planning deltas; and where
it has any, an amendment, parties, proposals, notices.

Safe to repeat: every statement is keyed, and `version` keeps an old record from overwriting a newer one. A pipeline
sends all statements in one round trip; what a step does not have costs no statement.
"""

from schemas.effects import Effect, Operation
from schemas.orders import OrderStatus
from schemas.records import StepRecord
from store import (
    amendments,
    effects,
    events,
    freight,
    ledger,
    lost,
    notices,
    orders,
    pegs,
    planning,
    positions,
    proposals,
)
from store.engine import Connection, Database


async def write(database: Database, record: StepRecord) -> None:
    """Write a step. All of it or nothing."""
    async with database.transaction() as connection:
        again = await lost.written_beyond(connection, record)
        reserved = await pegs.hold(connection, record, again=again)
        if record.first_promise:
            release = await orders.release_of(connection, record.order)
            await orders.promised(connection, record.order, record.first_promise, release, record.version)
            await pegs.begin(connection, record.order)
        if record.amended_by or record.items:
            await amendments.work_in(connection, record)
        told, undone = await lost.take_back(connection, record) if again else lost.TakenBack()
        booking = await lost.movement_key(connection, record) if record.moves else ""
        if reserved:
            await pegs.follow(connection, record, again=undone)
        async with connection.pipeline():
            await _view(connection, record)
            await _progress(connection, record)
            if record.sites:
                await orders.add_sites(connection, record.order, record.sites)
            await proposals.write(connection, record.order, record.proposals, record.decided)
            await events.settle(connection, record.order, record.outcomes)
            if again:
                await effects.supersede(connection, record.order, record.base or 0, record.version, record.effects)
            await effects.plan(connection, record.order, _told(record, told), record.version, again=told is not None)
            await planning.buffer(connection, record.order, record.deltas)
            await notices.plan(connection, record.notices)
            await ledger.book_step(connection, booking, "order", record.order, record.moves)
            await freight.accrue(
                connection, booking or f"{record.order}/v{record.version}", record.order, record.issued
            )
            if _redates(record):
                await positions.redate(connection, f"{record.order}/v{record.version}", record.order)


def _redates(record: StepRecord) -> bool:
    """Whether what is under way may have another day of arrival now."""
    return any(x.eta for x in record.shipments) or any(e.operation is Operation.REDATE_PROMISE for e in record.effects)


def _told(record: StepRecord, told: OrderStatus | None) -> tuple[Effect, ...]:
    """What is owed, where an order's status never falls behind what a lost attempt may have told."""
    if told is None:
        return record.effects
    return tuple(it.model_copy(update={"order_status": lost.not_below(it.order_status, told)}) for it in record.effects)


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


async def _lines(connection: Connection, record: StepRecord) -> None:
    """Write the lines; an amendment may have added some. What came back is also counted by returns: it never falls."""
    if not record.lines:
        return
    await connection.execute(
        "INSERT INTO order_line_view AS l (order_key, line, item, ordered, cancelled, allocated, picked, packed, shipped, "
        "delivered, returned, first_promised_on, promised_on, delivered_at) SELECT o.key, x.line, x.item, x.ordered, "
        "x.cancelled, x.allocated, x.picked, x.packed, x.shipped, x.delivered, x.returned, x.promised_on, x.promised_on, "
        "x.delivered_at FROM order_view o, unnest(%s::int[], %s::text[], %s::int[], %s::int[], %s::int[], %s::int[], "
        "%s::int[], %s::int[], %s::int[], %s::int[], %s::date[], %s::timestamptz[]) AS x(line, item, ordered, cancelled, "
        "allocated, picked, packed, shipped, delivered, returned, promised_on, delivered_at) "
        "WHERE o.key = %s AND o.version <= %s ON CONFLICT (order_key, line) DO UPDATE SET item = excluded.item, "
        "ordered = excluded.ordered, cancelled = excluded.cancelled, allocated = excluded.allocated, "
        "picked = excluded.picked, packed = excluded.packed, shipped = excluded.shipped, delivered = excluded.delivered, "
        "returned = least(excluded.shipped, greatest(l.returned, excluded.returned)), "
        "promised_on = excluded.promised_on, delivered_at = excluded.delivered_at",
        (
            [x.line for x in record.lines],
            [x.item for x in record.lines],
            [x.ordered for x in record.lines],
            [x.cancelled for x in record.lines],
            [x.allocated for x in record.lines],
            [x.picked for x in record.lines],
            [x.packed for x in record.lines],
            [x.shipped for x in record.lines],
            [x.delivered for x in record.lines],
            [x.returned for x in record.lines],
            [x.promised_on for x in record.lines],
            [x.delivered_at for x in record.lines],
            record.order,
            record.version,
        ),
    )


async def _progress(connection: Connection, record: StepRecord) -> None:
    await _lines(connection, record)
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
        dated = (e.reason for e in record.effects if e.operation is Operation.REDATE_PROMISE and e.reason)
        reason = record.reason or next(dated, "re-dated by an ETA")
        await orders.add_promise(connection, record.order, record.promised_on, reason, record.version)
