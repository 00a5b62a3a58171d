"""One step of an order, as one transaction: view, lines, shipments, verdicts, owed effects, planning deltas; and where
it has any, an amendment, parties, proposals, notices.

Safe to repeat: every statement is keyed, what is booked is the difference to what is booked already, and `version` keeps
an old record from overwriting a newer one. A pipeline sends statements in one round trip; what a step does not have costs
none.
"""

from psycopg.types.json import Jsonb

from schemas.messaging.effects import Operation
from schemas.workflows.records import LineRecord, StepRecord
from schemas.workflows.steps import WorkflowStep
from store.batches import RowBatch
from store.cases import notices
from store.engine import Connection, Database
from store.finance import freight
from store.inventory import ledger, reservations
from store.messaging import effects, heads
from store.orders import amendments, orders, parties
from store.planning import movements, order_demand, positions, proposals

SOURCE = "order"
"""The source of the movements that orders book."""
STAGES = ("ordered", "cancelled", "allocated", "picked", "packed", "shipped", "delivered", "returned")
LINES = RowBatch[LineRecord](
    line="int",
    item="text",
    **dict.fromkeys(STAGES, "int"),
    promised_on="date",
    delivered_at="timestamptz",
    delivered_on="date",
)


async def write(database: Database, step: WorkflowStep[StepRecord]) -> None:
    """Write a step: all of it or nothing. A step of an older task than the newest that was written changes nothing."""
    record = step.record
    async with database.transaction() as connection:
        head = await heads.begin(connection, step)
        if head is None:
            return
        again = heads.repeated(head, step)
        reserved = await reservations.hold(connection, record, again=again)
        if record.first_promise:
            release = await orders.release_of(connection, record.order)
            await orders.promised(connection, record.order, record.first_promise, release, record.version)
            await reservations.begin(connection, record.order)
        if record.amended_by or record.items:
            await amendments.work_in(connection, record)
        booking = ledger.booking_of(step, record.order, SOURCE, record.moves, repeated=again)
        moved = await ledger.post_movements(connection, booking) if again else record.moves
        if reserved:
            fresh = await effects.unknown(connection, record.effects) if again else record.effects
            follows = record.model_copy(update={"moves": moved, "effects": fresh})
            # The end has the version of the step before it: what was reserved meanwhile is given back all the same.
            wanted_again = record.closed or (again and (bool(moved) or head.highest > record.version))
            await reservations.follow(connection, follows, again=wanted_again)
        async with connection.pipeline():
            await _view(connection, record)
            await _progress(connection, record)
            if again:
                await effects.supersede(connection, record.order, step.base, record.effects)
            await _owed(connection, record)
            await freight.accrue(connection, booking._replace(moves=record.issued))
            if not again:  # as late as can be: other orders wait for the balances of their items
                await ledger.post_movements(connection, booking)
            if _redates(record):
                await positions.redate(connection, f"{record.order}/v{record.version}", record.order)
            await heads.finish(connection, head, step)


async def _owed(connection: Connection, record: StepRecord) -> None:
    """What others are owed because of the step."""
    if record.sites:
        await parties.add_sites(connection, record.order, record.sites)
    await proposals.write(connection, record.order, record.proposals, record.decided)
    await effects.plan(connection, record.order, record.effects, record.version)
    await movements.buffer(connection, record.order, record.deltas)
    await order_demand.write(connection, record)
    await notices.plan(connection, record.notices)


def _redates(record: StepRecord) -> bool:
    """Whether what is under way may have another day of arrival now."""
    return any(x.eta for x in record.shipments) or any(e.operation is Operation.REDATE_PROMISE for e in record.effects)


async def _view(connection: Connection, record: StepRecord) -> None:
    """Write where the order stands, and its promise, if that is another than before."""
    dated = (e.reason for e in record.effects if e.operation is Operation.REDATE_PROMISE and e.reason)
    because = record.reason or next(dated, "re-dated by an ETA")
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
            apart = coalesce(%(apart)s, apart),
            closed_at = CASE WHEN %(closed)s THEN coalesce(closed_at, clock_timestamp()) END
        WHERE key = %(order)s AND version <= %(version)s
        """.encode(),
        {
            **record.model_dump(
                include={"order", "version", "status", "promised_on", "eta", "reason", "carrier", "closed"}
            ),
            "because": because if record.first_promise is None else None,
            "conditions": list(record.conditions),
            "apart": Jsonb(record.apart.model_dump(mode="json")) if record.apart else None,
        },
    )


async def _lines(connection: Connection, record: StepRecord) -> None:
    """Write the lines; an amendment may have added some. What came back is also counted by returns: it never falls."""
    if not record.lines:
        return
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
        {"order": record.order, "version": record.version, **LINES.arrays(record.lines)},
    )


async def _progress(connection: Connection, record: StepRecord) -> None:
    await _lines(connection, record)
    for item in record.shipments:
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
                record.order,
                item.status,
                item.eta,
                item.shipped_at,
                item.delivered_at,
                record.order,
                record.version,
            ),
        )
