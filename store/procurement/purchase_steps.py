"""One step of a purchase order, as one transaction: every change that it names, by the writer of its kind."""

from schemas.inventory.stock import StockMoved
from schemas.inventory.supply import SuppliesChanged
from schemas.procurement.purchase_orders import (
    InboundShipmentsChanged,
    InvoicesChanged,
    PurchaseEffectsPlanned,
    PurchaseLinesChanged,
    PurchaseOrderChanged,
)
from schemas.workflows.records import StepRecord
from schemas.workflows.steps import WorkflowStep
from store import changes
from store.changes import StepScope, WritePhase, Writer, Writers
from store.engine import Connection, Database
from store.inventory import ledger
from store.inventory.supply import hold, set_supplies
from store.inventory.valuing import Worth
from store.messaging import effects, heads, quarantine
from store.planning import positions


async def write(database: Database, step: WorkflowStep[StepRecord]) -> None:
    """Write a step of a purchase order. All of it or nothing; safe to repeat; a stale step changes nothing.

    Raises LookupError when the purchase order is unknown, or for a change that nobody writes of one.
    """
    record = step.record
    changes.refuse_unknown(record, WRITERS)
    async with database.transaction() as connection:
        head = await heads.begin(connection, step)
        if head is None:
            return
        written = await _lock(connection, record.order)
        again, newest = heads.repeated(head, step), written <= record.version
        scope = StepScope(step, again, stem=record.order, source="purchase", newest=newest)
        await changes.write(connection, scope, WRITERS, WritePhase.READING)
        await positions.redate(connection, f"{record.order}/v{record.version}", record.order)
        await heads.finish(connection, head, step)


async def _lock(connection: Connection, key: str) -> int:
    """The version that is written; until the transaction ends, no other step of the purchase order is."""
    cursor = await connection.execute(
        """
        SELECT version
        FROM purchase_order
        WHERE key = %s
        FOR NO KEY UPDATE
        """,
        (key,),
    )
    row = await cursor.fetchone()
    if row is None:
        raise LookupError(key)
    return int(row["version"])


async def _book(connection: Connection, scope: StepScope, change: StockMoved) -> None:
    """Book how stock moved. The item-sites of what is expected, and of where it comes from, are locked before."""
    stands, lines = scope.record.find(PurchaseOrderChanged), scope.record.get(PurchaseLinesChanged).lines
    sender = stands.purchase.from_site if stands else None
    supplies = scope.record.get(SuppliesChanged).supplies
    await hold(connection, supplies, [(line.item, sender) for line in lines] if sender else ())
    await ledger.write(connection, scope, change)


async def _supplies(connection: Connection, scope: StepScope, change: SuppliesChanged) -> None:
    await set_supplies(connection, change.supplies)


async def _head(connection: Connection, scope: StepScope, change: PurchaseOrderChanged) -> None:
    shipments = scope.record.get(InboundShipmentsChanged).shipments
    await connection.execute(
        """
        UPDATE purchase_order p
        SET status = %(status)s, version = %(version)s, revision = %(revision)s, supplier = %(supplier)s,
            site = %(site)s, currency = %(currency)s,
            parties = ARRAY(SELECT DISTINCT unnest(parties || %(carriers)s::text[]) ORDER BY 1),
            updated_at = clock_timestamp(),
            closed_at = CASE WHEN %(closed)s THEN coalesce(closed_at, clock_timestamp()) END
        WHERE key = %(key)s
        """,
        {
            "key": scope.order,
            "status": change.status,
            "version": scope.version,
            "closed": change.closed,
            "carriers": [x.carrier for x in shipments if x.carrier],
            **change.purchase.model_dump(include={"revision", "supplier", "site", "currency"}),
        },
    )


async def _lines(connection: Connection, scope: StepScope, change: PurchaseLinesChanged) -> None:
    """The lines that the order has now: a revision may have dropped some. What items are worth is said once."""
    if stands := scope.record.find(PurchaseOrderChanged):
        prices = {line.item: Worth(line.unit_price, line.per) for line in change.lines}
        await ledger.set_values(connection, scope.order, stands.purchase.currency, prices)
    if not scope.newest:
        return
    await connection.execute("DELETE FROM purchase_line WHERE order_key = %s", (scope.order,))
    for line in change.lines:
        await connection.execute(
            """
            INSERT INTO purchase_line (
                order_key, line, item, ordered, confirmed, advised, received, damaged, invoiced, unit_price,
                per, due_on, expected_on
            )
            VALUES (
                %(order_key)s, %(line)s, %(item)s, %(ordered)s, %(confirmed)s, %(advised)s, %(received)s,
                %(damaged)s, %(invoiced)s, %(unit_price)s, %(per)s, %(due_on)s, %(expected_on)s
            )
            """,
            {"order_key": scope.order, **line.model_dump()},
        )


async def _shipments(connection: Connection, scope: StepScope, change: InboundShipmentsChanged) -> None:
    for shipment in change.shipments:
        await connection.execute(
            """
            INSERT INTO inbound_shipment (shipment, order_key, carrier, eta, status, handling_units)
            VALUES (%(shipment)s, %(order_key)s, %(carrier)s, %(eta)s, %(status)s, %(units)s)
            ON CONFLICT (shipment, order_key) DO UPDATE
            SET carrier = excluded.carrier, eta = excluded.eta, status = excluded.status,
                handling_units = excluded.handling_units
            """,
            {"order_key": scope.order, **shipment.model_dump(), "units": list(shipment.handling_units)},
        )
    await quarantine.awaken(connection, [f"shipment:{x.shipment}" for x in change.shipments])


async def _invoices(connection: Connection, scope: StepScope, change: InvoicesChanged) -> None:
    for invoice in change.invoices:
        await connection.execute(
            """
            INSERT INTO invoice (
                order_key, number, revision, decision, match, currency, amount, due_on, reasons
            )
            VALUES (
                %(order_key)s, %(number)s, %(revision)s, %(decision)s, %(match)s, %(currency)s, %(amount)s,
                %(due_on)s, %(reasons)s
            )
            ON CONFLICT (order_key, number) DO UPDATE
            SET revision = excluded.revision, decision = excluded.decision, match = excluded.match,
                currency = excluded.currency, amount = excluded.amount, due_on = excluded.due_on,
                reasons = excluded.reasons, updated_at = clock_timestamp()
            """,
            {"order_key": scope.order, **invoice.model_dump(), "reasons": list(invoice.reasons)},
        )


WRITERS: Writers = (
    Writer(PurchaseOrderChanged, _head, WritePhase.READING, newest_only=True),
    Writer(PurchaseLinesChanged, _lines, WritePhase.READING),
    Writer(InboundShipmentsChanged, _shipments, WritePhase.READING, newest_only=True),
    Writer(InvoicesChanged, _invoices, WritePhase.READING, newest_only=True),
    Writer(PurchaseEffectsPlanned, effects.write, WritePhase.READING, corrects=True),
    Writer(StockMoved, _book, WritePhase.READING, corrects=True),
    Writer(SuppliesChanged, _supplies, WritePhase.READING, newest_only=True),
)
"""Who writes each kind of change of a purchase order, in the order in which locks are taken."""
