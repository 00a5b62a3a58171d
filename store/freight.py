"""Freight in double entry: accrued when goods leave, as a share of their value, and reversed by the carrier's invoice.

`freight_rate` has the share by carrier, `*` for any other. What goods without a value cost to carry is not guessed.
"""

from datetime import datetime
from decimal import Decimal
from typing import Any

from schemas.erp_feed import ErpRowKind, FreightEvent
from schemas.finance import Account, FreightInvoice, FreightSettled
from schemas.stock import Bucket, Moves
from store import erp_feed
from store.engine import Connection

FREIGHT = (
    "SELECT e.*, m.ref, m.booked_at FROM freight_entry e JOIN freight_move m ON m.key = e.move_key "
    "WHERE %(erp)s::text IS NULL OR starts_with(m.ref, %(erp)s || '/')"
)
"""Every side of every movement of freight: of the orders of one ERP, or of all."""
ACCRUE = (
    "WITH gone AS (SELECT x.shipment, v.currency, round(sum(x.packs * v.value) * (SELECT share FROM freight_rate r "
    "JOIN order_view o ON r.carrier IN (o.carrier, '*') WHERE o.key = %(ref)s::text ORDER BY r.carrier = '*' LIMIT 1), 2) "
    "AS amount FROM unnest(%(shipments)s::text[], %(items)s::text[], %(packs)s::bigint[]) AS x(shipment, item, packs) "
    "JOIN unit_value v ON v.ref = %(ref)s::text AND v.item = x.item GROUP BY 1, 2), "
    "known AS (INSERT INTO freight_move (key, ref) SELECT %(key)s, %(ref)s::text WHERE EXISTS (SELECT FROM gone WHERE "
    "amount <> 0) ON CONFLICT DO NOTHING RETURNING key) "
    "INSERT INTO freight_entry (move_key, account, shipment, currency, amount) "
    "SELECT known.key, side.account, gone.shipment, gone.currency, side.sign * gone.amount FROM known, gone, "
    f"(VALUES ('{Account.FREIGHT_EXPENSE}', 1), ('{Account.FREIGHT_ACCRUED}', -1)) AS side(account, sign) "
    "WHERE gone.amount <> 0"
).encode()
TAKE_BACK = (
    b"WITH undone AS (INSERT INTO freight_move (key, ref) SELECT key || '/undone', ref FROM freight_move "
    b"WHERE key = ANY(%s) ON CONFLICT DO NOTHING RETURNING key) "
    b"INSERT INTO freight_entry (move_key, account, shipment, currency, amount) SELECT u.key, account, shipment, currency, "
    b"-amount FROM undone u JOIN freight_entry e ON u.key = e.move_key || '/undone'"
)
TELL = (
    "INSERT INTO erp_feed (erp, kind, key, body) SELECT split_part(x.ref, '/', 1), %(kind)s, x.key, to_jsonb(x) - 'ref' "
    "FROM (SELECT m.ref, concat_ws('/', m.key, e.shipment, e.currency) AS key, "
    f"CASE WHEN m.digest <> '' THEN '{FreightEvent.SETTLEMENT}' WHEN m.key LIKE '%%/undone' THEN '{FreightEvent.REVERSAL}' "
    f"ELSE '{FreightEvent.ACCRUAL}' END AS event, substr(m.ref, strpos(m.ref, '/') + 1) AS \"order\", e.shipment, e.currency, "
    + ", ".join(
        f"coalesce(sum(e.amount) FILTER (WHERE e.account = '{account}'), 0)::text AS {account}"
        for account in (Account.FREIGHT_EXPENSE, Account.FREIGHT_ACCRUED, Account.FREIGHT_PAYABLE)
    )
    + ", m.booked_at AS posted_at FROM freight_move m JOIN freight_entry e ON e.move_key = m.key "
    "WHERE m.key = ANY(%(keys)s) GROUP BY m.key, e.shipment, e.currency) x ON CONFLICT DO NOTHING"
).encode()


async def _tell(connection: Connection, *keys: str) -> None:
    """The ERPs whose orders they are must hear of these movements; of each once."""
    await connection.execute(TELL, {"kind": ErpRowKind.FREIGHT, "keys": list(keys)})
    await connection.execute(f"NOTIFY {erp_feed.CHANNEL}")


def _key(booking: str) -> str:
    return f"accrual/{booking}"


async def accrue(connection: Connection, booking: str, ref: str, issued: Moves) -> None:
    """Accrue freight for what a step of an order sent on its way, once for the key of the step's movement; what turns out
    to be in another shipment is reversed there."""
    left = [
        (place.removeprefix(f"{Bucket.TRANSIT}:"), item, packs)
        for place, items in issued.items()
        for item, packs in items.items()
    ]
    if left:
        shipments, items, packs = (list(x) for x in zip(*left, strict=True))
        found = {"key": _key(booking), "ref": ref, "shipments": shipments, "items": items, "packs": packs}
        await connection.execute(ACCRUE, found)
        await _tell(connection, _key(booking))


async def take_back(connection: Connection, bookings: list[str]) -> None:
    """Reverse, once, what was accrued with movements that are undone."""
    keys = [_key(booking) for booking in bookings]
    await connection.execute(TAKE_BACK, (keys,))
    await _tell(connection, *(f"{key}/undone" for key in keys))


async def settle(
    connection: Connection, partner: str, order: str, invoice: FreightInvoice, digest: str
) -> FreightSettled | None:
    """Book a freight invoice and reverse what was accrued for its shipment; a repeat answers the same.

    None: this invoice number was booked with other content. Raises LookupError when the shipment is not on the order,
    ValueError when the currency is not the order's.
    """
    await _of_order(connection, order, invoice)
    key = f"invoice/{partner}/{invoice.id}"
    await connection.execute(
        "INSERT INTO freight_move (key, ref, digest) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING", (key, order, digest)
    )
    cursor = await connection.execute(
        "SELECT digest, (SELECT sum(amount) FROM freight_entry WHERE move_key = key AND account = %s) AS booked "
        "FROM freight_move WHERE key = %s",
        (Account.FREIGHT_ACCRUED, key),
    )
    [row] = await cursor.fetchall()
    if row["digest"] != digest:
        return None
    accrued, paid = row["booked"], Decimal(invoice.amount)
    if accrued is None:
        accrued = await _accrued(connection, order, invoice)
        sides = {
            Account.FREIGHT_ACCRUED: accrued,
            Account.FREIGHT_EXPENSE: paid - accrued,
            Account.FREIGHT_PAYABLE: -paid,
        }
        await connection.execute(
            "INSERT INTO freight_entry (move_key, account, shipment, currency, amount) SELECT %s, a, %s, %s, m "
            "FROM unnest(%s::text[], %s::numeric[]) AS x(a, m)",
            (key, invoice.shipment, invoice.currency, list(sides), list(sides.values())),
        )
        await _tell(connection, key)
    return FreightSettled(
        invoice=invoice.id,
        order=order,
        shipment=invoice.shipment,
        currency=invoice.currency,
        accrued=accrued,
        invoiced=paid,
        difference=paid - accrued,
    )


async def _of_order(connection: Connection, order: str, invoice: FreightInvoice) -> None:
    """Refuse what is not about a shipment of the order; one that was never named has the order's number. Two invoices for one order wait for each other."""
    cursor = await connection.execute(
        "SELECT coalesce(release->>'currency', 'USD') AS currency, EXISTS (SELECT FROM shipment_order s "
        "WHERE s.order_key = key AND s.shipment = %s) OR number = %s AS known FROM order_view WHERE key = %s "
        "FOR NO KEY UPDATE",
        (invoice.shipment, invoice.shipment, order),
    )
    row = await cursor.fetchone()
    if row is None or not row["known"]:
        raise LookupError(invoice.shipment)
    if row["currency"] != invoice.currency:
        raise ValueError(row["currency"])


async def _accrued(connection: Connection, order: str, invoice: FreightInvoice) -> Decimal:
    cursor = await connection.execute(
        "SELECT -coalesce(sum(amount), 0) AS accrued FROM freight_entry e JOIN freight_move m ON m.key = e.move_key "
        "WHERE e.account = %s AND e.shipment = %s AND e.currency = %s AND m.ref = %s",
        (Account.FREIGHT_ACCRUED, invoice.shipment, invoice.currency, order),
    )
    [row] = await cursor.fetchall()
    return Decimal(row["accrued"])


async def open_ones(
    connection: Connection, erp: str | None = None, as_of: datetime | None = None, limit: int = 500
) -> list[dict[str, Any]]:
    """(order, shipment, currency, amount, since) of what was accrued and is not invoiced, the oldest first; by `as_of`."""
    cursor = await connection.execute(
        f'SELECT ref AS "order", shipment, currency, -sum(amount) AS amount, min(booked_at) AS since FROM ({FREIGHT}) f '
        "WHERE account = %(account)s AND (%(as_of)s::timestamptz IS NULL OR booked_at <= %(as_of)s) GROUP BY 1, 2, 3 HAVING sum(amount) <> 0 ORDER BY 5, 1, 2 LIMIT %(limit)s".encode(),
        {"erp": erp, "account": Account.FREIGHT_ACCRUED, "as_of": as_of, "limit": limit},
    )
    return await cursor.fetchall()


async def invoiced(connection: Connection, erp: str) -> list[dict[str, Any]]:
    """(partner, id, order, shipment, currency, accrued, invoiced, tolerance, first) of every invoice for an ERP's orders."""
    cursor = await connection.execute(
        "SELECT split_part(f.move_key, '/', 2) AS partner, substr(f.move_key, length(split_part(f.move_key, '/', 2)) + 10) "
        'AS id, f.ref AS "order", f.shipment, f.currency, coalesce(sum(amount) FILTER (WHERE account = %(accrued)s), 0) '
        "AS accrued, coalesce(-sum(amount) FILTER (WHERE account = %(payable)s), 0) AS invoiced, "
        "(SELECT tolerance FROM freight_rate r WHERE r.carrier IN (o.carrier, '*') ORDER BY r.carrier = '*' LIMIT 1), "
        "row_number() OVER (PARTITION BY f.ref, f.shipment ORDER BY f.booked_at, f.move_key) = 1 AS first "
        f"FROM ({FREIGHT}) f JOIN order_view o ON o.key = f.ref WHERE starts_with(f.move_key, 'invoice/') "
        "GROUP BY f.move_key, f.ref, f.shipment, f.currency, f.booked_at, o.carrier ORDER BY f.booked_at, f.move_key".encode(),
        {"erp": erp, "accrued": Account.FREIGHT_ACCRUED, "payable": Account.FREIGHT_PAYABLE},
    )
    return await cursor.fetchall()
