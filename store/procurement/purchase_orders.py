"""Purchase orders: their birth in the relay, and what is shown of them."""

from collections.abc import Iterable
from typing import Any

from psycopg.types.json import Jsonb

from schemas.ids import purchase_key
from schemas.partners.master_data import KeptLine
from schemas.procurement.documents import PurchaseOrder
from schemas.procurement.purchase_orders import PurchaseStatus
from store.engine import Connection
from store.messaging import quarantine
from store.planning import site_regions

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
