"""Purchase orders: their birth in the relay, the steps that their workflows write, and what is shown of them."""

from collections.abc import Iterable
from typing import Any

from psycopg.types.json import Jsonb

from schemas.ids import purchase_key
from schemas.partners.master_data import KeptLine
from schemas.procurement.documents import PurchaseOrder
from schemas.procurement.purchase_orders import PurchaseRecord, PurchaseStatus
from schemas.workflows.steps import WorkflowStep
from store.engine import Connection, Database
from store.inventory import ledger
from store.inventory.supply import hold, set_supplies
from store.inventory.valuing import Worth
from store.messaging import effects, heads, quarantine
from store.planning import positions, site_regions

COLUMNS = """
    key, erp, number, supplier, site, region, currency, status, revision, version, parties, replenishment,
    ordered_at, created_at, updated_at, closed_at
"""


async def open_purchase(
    connection: Connection, erp: str, order: PurchaseOrder, parties: list[str], lines: Iterable[KeptLine] = ()
) -> str:
    """Make a purchase order known, so that its documents find it; returns its key. A known one gains parties and lines."""
    key = purchase_key(erp, order.number)
    await connection.execute(
        """
        INSERT INTO purchase_order AS p (
            key, erp, number, supplier, site, region, currency, status, revision, parties, replenishment,
            ordered_at, lines
        )
        VALUES (
            %(key)s, %(erp)s, %(number)s, %(supplier)s, %(site)s, %(region)s, %(currency)s, %(status)s,
            %(revision)s, %(parties)s, %(replenishment)s, %(ordered_at)s, %(lines)s
        )
        ON CONFLICT (key) DO UPDATE
        SET parties = ARRAY(SELECT DISTINCT unnest(p.parties || excluded.parties) ORDER BY 1),
            lines = (
                SELECT coalesce(jsonb_agg(l ORDER BY l -> 'line'), '[]')
                FROM (
                    SELECT DISTINCT ON (l -> 'line') l
                    FROM (
                        SELECT l, excluded.revision >= p.revision AS first
                        FROM jsonb_array_elements(excluded.lines) l
                        UNION ALL
                        SELECT l, excluded.revision < p.revision
                        FROM jsonb_array_elements(p.lines) l
                    ) x
                    ORDER BY l -> 'line', first DESC
                ) y
            )
        """,
        {
            **order.model_dump(exclude={"lines", "carrier", "match", "cancelled", "from_site"}),
            "key": key,
            "erp": erp,
            "status": PurchaseStatus.ORDERED,
            "parties": sorted(set(parties)),
            "lines": Jsonb([line.model_dump(mode="json", exclude_none=True) for line in lines]),
        },
    )
    await site_regions.know_site(connection, order.site, order.region)
    await quarantine.awaken(connection, [f"po:{erp}/{order.number}"])
    return key


async def find(connection: Connection, key: str) -> dict[str, Any] | None:
    """A purchase order by its key, or None."""
    cursor = await connection.execute(f"SELECT {COLUMNS} FROM purchase_order WHERE key = %s".encode(), (key,))
    return await cursor.fetchone()


async def scopes(connection: Connection, keys: list[str]) -> dict[str, dict[str, str]]:
    """By purchase order, what rules of policy may depend on: its supplier, site and region."""
    cursor = await connection.execute(
        "SELECT key, supplier, site, region FROM purchase_order WHERE key = ANY(%s)", (keys,)
    )
    return {row.pop("key"): row for row in await cursor.fetchall()}


async def named(connection: Connection, number: str, party: str | None, erp: str | None = None) -> list[dict[str, Any]]:
    """Purchase orders with this number that a party takes part in (everybody's: None), of one ERP or of any."""
    cursor = await connection.execute(
        f"""
        SELECT {COLUMNS}
        FROM purchase_order
        WHERE number = %(number)s
            AND (%(erp)s::text IS NULL OR erp = %(erp)s)
            AND (%(party)s::text IS NULL OR %(party)s = ANY(parties))
        ORDER BY key
        """.encode(),
        {"number": number, "party": party, "erp": erp},
    )
    return await cursor.fetchall()


async def listing(connection: Connection, *, open_only: bool = True, limit: int = 100) -> list[dict[str, Any]]:
    """Purchase orders, the newest first."""
    cursor = await connection.execute(
        f"""
        SELECT {COLUMNS}
        FROM purchase_order
        WHERE NOT %s OR closed_at IS NULL
        ORDER BY created_at DESC, key LIMIT %s
        """.encode(),
        (open_only, limit),
    )
    return await cursor.fetchall()


DETAILS = {
    "lines": "SELECT * FROM purchase_line WHERE order_key = %s ORDER BY line",
    "shipments": "SELECT * FROM inbound_shipment WHERE order_key = %s ORDER BY shipment",
    "invoices": "SELECT * FROM invoice WHERE order_key = %s ORDER BY number",
    "effects": "SELECT * FROM effect WHERE order_key = %s ORDER BY planned_at, key",
    "cases": "SELECT * FROM exception_case WHERE order_key = %s ORDER BY opened_at, id",
}


async def details(connection: Connection, key: str) -> dict[str, list[dict[str, Any]]]:
    """Lines, shipments, invoices, effects and cases of a purchase order."""
    return {
        name: await (await connection.execute(query.encode(), (key,))).fetchall() for name, query in DETAILS.items()
    }


async def measures(connection: Connection) -> dict[str, Any]:
    """Figures of procurement: `invoices`, those `matched_at_once`, `confirmed` purchase orders, and hours to the
    first confirmation (`confirm_p50_h`, `confirm_p95_h`)."""
    cursor = await connection.execute(
        """
        WITH told AS (
            SELECT order_key, split_part(substr(key, length(order_key) + 2), '/', 2) AS number,
                bool_or(key LIKE '%/held') AS held
            FROM effect
            WHERE operation = 'settle_invoice'
            GROUP BY 1, 2
        ),
        confirmed AS (
            SELECT extract(epoch FROM min(e.accepted_at) - p.created_at) / 3600 AS hours
            FROM effect e
            JOIN purchase_order p ON p.key = e.order_key
            WHERE e.operation = 'report_confirmation'
            GROUP BY p.key
        )
        SELECT (SELECT count(*) FROM told)::int AS invoices,
            (SELECT count(*) FROM told WHERE NOT held)::int AS matched_at_once, count(*)::int AS confirmed,
            round((percentile_cont(0.5) WITHIN GROUP (ORDER BY hours))::numeric, 2) AS confirm_p50_h,
            round((percentile_cont(0.95) WITHIN GROUP (ORDER BY hours))::numeric, 2) AS confirm_p95_h
        FROM confirmed
        """
    )
    [row] = await cursor.fetchall()
    return row


async def write(database: Database, step: WorkflowStep[PurchaseRecord]) -> None:
    """Write a step of a purchase order. All of it or nothing; safe to repeat; a stale step changes nothing.

    Raises LookupError when the purchase order is unknown.
    """
    record = step.record
    async with database.transaction() as connection:
        head = await heads.begin(connection, step)
        if head is None:
            return
        written, again = await _lock(connection, record.order), heads.repeated(head, step)
        newest = written <= record.version
        if newest:
            await _head(connection, record)
            await _lines(connection, record)
            await _shipments(connection, record)
            await _invoices(connection, record)
        if again:
            await effects.supersede(connection, record.order, step.base, record.effects)
        await effects.plan(connection, record.order, record.effects, record.version)
        sender = record.purchase.from_site
        await hold(connection, record.supplies, [(line.item, sender) for line in record.lines] if sender else ())
        await _book(connection, step, repeated=again)
        if newest:
            await set_supplies(connection, record.supplies)
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


async def _book(connection: Connection, step: WorkflowStep[PurchaseRecord], *, repeated: bool) -> None:
    """Book how stock moved."""
    record = step.record
    prices = {line.item: Worth(line.unit_price, line.per) for line in record.lines}
    await ledger.set_values(connection, record.order, record.purchase.currency, prices)
    booking = ledger.booking_of(step, record.order, "purchase", record.moves, repeated=repeated)
    await ledger.post_movements(connection, booking)


async def _head(connection: Connection, record: PurchaseRecord) -> None:
    carriers = [x.carrier for x in record.shipments if x.carrier]
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
            "key": record.order,
            "status": record.status,
            "version": record.version,
            "closed": record.closed,
            "carriers": carriers,
            **record.purchase.model_dump(include={"revision", "supplier", "site", "currency"}),
        },
    )


async def _lines(connection: Connection, record: PurchaseRecord) -> None:
    """The lines that the order has now: a revision may have dropped some."""
    await connection.execute("DELETE FROM purchase_line WHERE order_key = %s", (record.order,))
    for line in record.lines:
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
            {"order_key": record.order, **line.model_dump()},
        )


async def _shipments(connection: Connection, record: PurchaseRecord) -> None:
    for shipment in record.shipments:
        await connection.execute(
            """
            INSERT INTO inbound_shipment (shipment, order_key, carrier, eta, status, handling_units)
            VALUES (%(shipment)s, %(order_key)s, %(carrier)s, %(eta)s, %(status)s, %(units)s)
            ON CONFLICT (shipment, order_key) DO UPDATE
            SET carrier = excluded.carrier, eta = excluded.eta, status = excluded.status,
                handling_units = excluded.handling_units
            """,
            {"order_key": record.order, **shipment.model_dump(), "units": list(shipment.handling_units)},
        )
    await quarantine.awaken(connection, [f"shipment:{x.shipment}" for x in record.shipments])


async def _invoices(connection: Connection, record: PurchaseRecord) -> None:
    for invoice in record.invoices:
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
            {"order_key": record.order, **invoice.model_dump(), "reasons": list(invoice.reasons)},
        )
