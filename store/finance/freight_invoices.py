"""Invoices of carriers: who may send one, and how it settles what was accrued for its shipment."""

from decimal import Decimal

from schemas.finance.valuation import Account, FreightInvoice, FreightSettled
from schemas.orders.milestones import MilestoneKind
from store.engine import Connection
from store.finance.freight import tell

BOOKED = """
    SELECT digest, (SELECT sum(amount) FROM freight_entry WHERE move_key = key AND account = %s) AS booked
    FROM freight_move
    WHERE key = %s
"""
KEEP_INVOICE = """
    INSERT INTO freight_entry (move_key, account, shipment, currency, amount)
    SELECT %s, a, %s, %s, m
    FROM unnest(%s::text[], %s::numeric[]) AS x(a, m)
"""


async def settle_invoice(
    connection: Connection, partner: str, order: str, invoice: FreightInvoice, digest: str
) -> FreightSettled | None:
    """Book a freight invoice and reverse what was accrued for its shipment; a repeat answers the same.

    None: this invoice number was booked with other content. Raises LookupError when the shipment is not on the order,
    ValueError when the currency is not the order's.
    """
    await _of_order(connection, order, invoice)
    key = f"invoice/{partner}/{invoice.id}"
    await connection.execute(
        """
        INSERT INTO freight_move (key, ref, digest)
        VALUES (%s, %s, %s)
        ON CONFLICT DO NOTHING
        """,
        (key, order, digest),
    )
    cursor = await connection.execute(BOOKED, (Account.FREIGHT_ACCRUED, key))
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
            KEEP_INVOICE,
            (key, invoice.shipment, invoice.currency, list(sides), list(sides.values())),
        )
        await tell(connection, key)
    return FreightSettled(
        invoice=invoice.id,
        order=order,
        shipment=invoice.shipment,
        currency=invoice.currency,
        accrued=accrued,
        invoiced=paid,
        difference=paid - accrued,
    )


CARRIED = [
    MilestoneKind.IN_TRANSIT,
    MilestoneKind.OUT_FOR_DELIVERY,
    MilestoneKind.DELIVERED,
    MilestoneKind.PROOF_OF_DELIVERY,
    MilestoneKind.RETURNING,
]
"""Milestones that only the holder of the goods can report. Taking a tender is not carrying."""


async def carries(connection: Connection, order: str, shipment: str, carrier: str) -> bool:
    """Whether a carrier is the order's, or has reported the carriage of this shipment of it: it was replaced later."""
    cursor = await connection.execute(
        """
        SELECT EXISTS (SELECT FROM order_view WHERE key = %(order)s AND carrier = %(carrier)s)
            OR EXISTS (
                SELECT
                FROM event e
                JOIN event_order x ON x.event = e.id
                WHERE x.order_key = %(order)s
                    AND x.state = 'applied'
                    AND e.partner = %(carrier)s
                    AND e.kind = ANY(%(kinds)s)
                    AND e.shipment IN (%(shipment)s, '')
            ) AS carries
        """,
        {"order": order, "shipment": shipment, "carrier": carrier, "kinds": CARRIED},
    )
    [row] = await cursor.fetchall()
    return bool(row["carries"])


async def _of_order(connection: Connection, order: str, invoice: FreightInvoice) -> None:
    """Refuse what is not about a shipment of the order; one that was never named has the order's number. Two invoices for one order wait for each other."""
    cursor = await connection.execute(
        """
        SELECT coalesce(release->>'currency', 'USD') AS currency,
            EXISTS (SELECT FROM shipment_order s WHERE s.order_key = key AND s.shipment = %s)
                OR number = %s AS known
        FROM order_view
        WHERE key = %s
        FOR NO KEY UPDATE
        """,
        (invoice.shipment, invoice.shipment, order),
    )
    row = await cursor.fetchone()
    if row is None or not row["known"]:
        raise LookupError(invoice.shipment)
    if row["currency"] != invoice.currency:
        raise ValueError(row["currency"])


async def _accrued(connection: Connection, order: str, invoice: FreightInvoice) -> Decimal:
    cursor = await connection.execute(
        """
        SELECT -coalesce(sum(amount), 0) AS accrued
        FROM freight_entry e
        JOIN freight_move m ON m.key = e.move_key
        WHERE e.account = %s AND e.shipment = %s AND e.currency = %s AND m.ref = %s
        """,
        (Account.FREIGHT_ACCRUED, invoice.shipment, invoice.currency, order),
    )
    [row] = await cursor.fetchall()
    return Decimal(row["accrued"])
