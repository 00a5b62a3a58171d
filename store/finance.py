"""Finance from the stock ledger: every movement of packs that changes the account of their value is booked with it.

A pack is worth its line's value divided by the line's packs, to six decimal places, fixed when the order's item first
moves. A trigger refuses a movement whose sides do not sum to zero in each currency. Freight is accrued when goods leave,
as a share of their value (`freight_rate`: by carrier, `*` for any other), and reversed by the freight invoice.
"""

from collections import Counter
from datetime import datetime
from decimal import Decimal
from typing import Any

from schemas.finance import (
    ACCOUNT_OF,
    Account,
    AccountBalance,
    FinanceDifference,
    FinanceReport,
    FreightInvoice,
    FreightSettled,
    InTransitDay,
    OpenAccrual,
)
from schemas.stock import Bucket, Moves, entries
from store.engine import Connection

TRANSIT = f"{Bucket.TRANSIT}:"

VALUE = (
    "INSERT INTO stock_value (ref, item, currency, unit_value, stated) SELECT o.key, i, "
    "coalesce(o.release->>'currency', 'USD'), coalesce(v.unit, 0), v.unit IS NOT NULL FROM order_view o, "
    "unnest(%s::text[]) AS i LEFT JOIN LATERAL (SELECT round(sum((l->>'value')::numeric) / "
    "sum((l->>'quantity')::numeric), 6) AS unit FROM order_view x, jsonb_array_elements(x.release->'lines') l "
    "WHERE x.key = %s AND l->>'item' = i AND l ? 'value') v ON true WHERE o.key = %s ON CONFLICT DO NOTHING"
)
BOOK = (
    "WITH known AS (INSERT INTO finance_move (key, kind, ref, occurred_at) SELECT %(key)s, %(kind)s, %(ref)s::text, "
    "clock_timestamp() WHERE EXISTS (SELECT FROM stock_value WHERE ref = %(ref)s::text) ON CONFLICT DO NOTHING RETURNING key) "
    "INSERT INTO finance_entry (move_key, account, place, item, currency, packs, amount) "
    "SELECT known.key, x.account, x.place, x.item, v.currency, x.packs, x.packs * v.unit_value FROM known, "
    "unnest(%(accounts)s::text[], %(places)s::text[], %(items)s::text[], %(packs)s::bigint[]) "
    "AS x(account, place, item, packs) JOIN stock_value v ON v.ref = %(ref)s::text AND v.item = x.item ORDER BY 3, 4"
)
ACCRUE = (
    "WITH gone AS (SELECT x.place, v.currency, round(sum(x.packs * v.unit_value) * (SELECT share FROM freight_rate r, "
    "order_view o WHERE o.key = %(ref)s::text AND r.carrier IN (o.carrier, '*') ORDER BY r.carrier = '*' LIMIT 1), 2) AS amount "
    "FROM unnest(%(places)s::text[], %(items)s::text[], %(packs)s::bigint[]) AS x(place, item, packs) "
    "JOIN stock_value v ON v.ref = %(ref)s::text AND v.item = x.item GROUP BY 1, 2), "
    "known AS (INSERT INTO finance_move (key, kind, ref, occurred_at) SELECT %(key)s, 'freight_accrual', %(ref)s::text, "
    "clock_timestamp() WHERE EXISTS (SELECT FROM gone WHERE amount <> 0) ON CONFLICT DO NOTHING RETURNING key) "
    "INSERT INTO finance_entry (move_key, account, place, item, currency, amount) "
    "SELECT known.key, side.account, gone.place, '', gone.currency, side.sign * gone.amount FROM known, gone, "
    f"(VALUES ('{Account.FREIGHT_EXPENSE}', 1), ('{Account.FREIGHT_ACCRUED}', -1)) AS side(account, sign) "
    "WHERE gone.amount <> 0"
)


async def book_step(connection: Connection, key: str, source: str, ref: str, moves: Moves) -> None:
    """Book what a step's movement means for finance: nothing when all stays in stock. Once under its key."""
    sides = _sides(moves)
    if not sides:
        return
    items = sorted({item for _, _, item in sides})
    await connection.execute(VALUE, (items, ref, ref))
    await connection.execute(
        BOOK,
        {
            "key": key,
            "kind": source,
            "ref": ref,
            "accounts": [account for account, _, _ in sides],
            "places": [place for _, place, _ in sides],
            "items": [item for _, _, item in sides],
            "packs": list(sides.values()),
        },
    )
    left = [x for x in entries(moves) if x.place.startswith(TRANSIT) and x.packs > 0]
    if left and source == "order":
        found = {"places": [x.place for x in left], "items": [x.item for x in left], "packs": [x.packs for x in left]}
        await connection.execute(ACCRUE, {"key": f"{key}/freight", "ref": ref, **found})


def _sides(moves: Moves) -> Counter[tuple[str, str, str]]:
    """(account, place, item) → packs. Places in stock are one; nothing when no pack changes its account."""
    sides: Counter[tuple[str, str, str]] = Counter()
    for x in entries(moves):
        account = ACCOUNT_OF[Bucket(x.place.partition(":")[0])]
        stays = account is Account.INVENTORY
        sides[account, f"stock:{x.place.partition(':')[2]}" if stays else x.place, x.item] += x.packs
    return Counter({side: packs for side, packs in sorted(sides.items()) if packs})


async def settle(
    connection: Connection, partner: str, order: str, invoice: FreightInvoice, digest: str
) -> FreightSettled | None:
    """Book a freight invoice and reverse what was accrued for its shipment; a repeat answers the same.

    None: this invoice number was booked with other content. Raises LookupError when the shipment is not on the order,
    ValueError when the currency is not the order's.
    """
    await _of_order(connection, order, invoice)
    key = f"freight-invoice/{partner}/{invoice.id}"
    place, paid = f"{TRANSIT}{invoice.shipment}", Decimal(invoice.amount)
    await connection.execute(
        "INSERT INTO finance_move (key, kind, ref, digest, occurred_at) VALUES (%s, 'freight_invoice', %s, %s, "
        "clock_timestamp()) ON CONFLICT DO NOTHING",
        (key, order, digest),
    )
    cursor = await connection.execute(
        "SELECT m.digest, (SELECT sum(amount) FROM finance_entry e WHERE e.move_key = m.key AND account = %s) AS booked "
        "FROM finance_move m WHERE key = %s",
        (Account.FREIGHT_ACCRUED, key),
    )
    [row] = await cursor.fetchall()
    if row["digest"] != digest:
        return None
    accrued = row["booked"]
    if accrued is None:
        accrued = await _accrued(connection, order, place, invoice.currency)
        sides = {
            Account.FREIGHT_ACCRUED: accrued,
            Account.FREIGHT_EXPENSE: paid - accrued,
            Account.FREIGHT_PAYABLE: -paid,
        }
        await connection.execute(
            "INSERT INTO finance_entry (move_key, account, place, item, currency, amount) SELECT %s, a, %s, '', %s, m "
            "FROM unnest(%s::text[], %s::numeric[]) AS x(a, m)",
            (key, place, invoice.currency, list(sides), list(sides.values())),
        )
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
    """Refuse what is not about a shipment of the order. Two invoices for one order wait for each other."""
    cursor = await connection.execute(
        "SELECT coalesce(release->>'currency', 'USD') AS currency, EXISTS (SELECT FROM shipment_order s "
        "WHERE s.order_key = key AND s.shipment = %s) AS known FROM order_view WHERE key = %s FOR NO KEY UPDATE",
        (invoice.shipment, order),
    )
    row = await cursor.fetchone()
    if row is None or not row["known"]:
        raise LookupError(invoice.shipment)
    if row["currency"] != invoice.currency:
        raise ValueError(row["currency"])


async def _accrued(connection: Connection, order: str, place: str, currency: str) -> Decimal:
    cursor = await connection.execute(
        "SELECT -coalesce(sum(amount), 0) AS accrued FROM finance_entry e JOIN finance_move m ON m.key = e.move_key "
        "WHERE e.account = %s AND e.place = %s AND e.currency = %s AND m.ref = %s",
        (Account.FREIGHT_ACCRUED, place, currency, order),
    )
    [row] = await cursor.fetchall()
    return Decimal(row["accrued"])


OWN = "(%(erp)s::text IS NULL OR split_part(m.ref, '/', 1) = %(erp)s) AND m.occurred_at <= %(as_of)s"
"""Only movements of orders of this ERP (all when null), until then."""


async def report(connection: Connection, as_of: datetime, days: int, erp: str | None = None) -> FinanceReport:
    """What finance reads at a moment. `erp`: of its orders only. `days`: so many days of value in transit."""
    told: dict[str, Any] = {"as_of": as_of, "erp": erp, "days": days}

    async def rows(query: str) -> list[dict[str, Any]]:
        cursor = await connection.execute(query.encode(), told)
        return await cursor.fetchall()

    accounts = await rows(
        "SELECT account, currency, sum(amount) AS amount FROM finance_entry e JOIN finance_move m ON m.key = e.move_key "
        f"WHERE {OWN} GROUP BY 1, 2 ORDER BY 1, 2"
    )
    in_transit = await rows(
        "SELECT d.day::date AS day, e.currency, sum(e.packs)::bigint AS packs, sum(e.amount) AS amount FROM "
        "generate_series(date_trunc('day', %(as_of)s::timestamptz) - make_interval(days => %(days)s - 1), %(as_of)s, "
        "interval '1 day') AS d(day) JOIN finance_move m ON m.occurred_at < d.day + interval '1 day' "
        f"JOIN finance_entry e ON e.move_key = m.key AND e.account = '{Account.GOODS_IN_TRANSIT}' "
        f"WHERE {OWN} GROUP BY 1, 2 ORDER BY 1, 2"
    )
    accruals = await rows(
        f"SELECT m.ref AS order, substr(e.place, {len(TRANSIT) + 1}) AS shipment, e.currency, -sum(e.amount) AS amount, "
        "min(m.occurred_at) AS since FROM finance_entry e JOIN finance_move m ON m.key = e.move_key "
        f"WHERE e.account = '{Account.FREIGHT_ACCRUED}' AND {OWN} GROUP BY 1, 2, 3 HAVING sum(e.amount) <> 0 ORDER BY 1, 2"
    )
    unvalued = await rows(
        "SELECT coalesce(sum(e.packs), 0)::bigint AS packs FROM finance_entry e JOIN finance_move m ON m.key = e.move_key "
        f"JOIN stock_value v ON v.ref = m.ref AND v.item = e.item WHERE e.account = '{Account.GOODS_IN_TRANSIT}' "
        f"AND NOT v.stated AND {OWN}"
    )
    return FinanceReport(
        as_of=as_of,
        accounts=tuple(AccountBalance.model_validate(row) for row in accounts),
        in_transit=tuple(InTransitDay.model_validate(row) for row in in_transit),
        accruals=tuple(OpenAccrual.model_validate(row) for row in accruals),
        unvalued_packs=unvalued[0]["packs"],
        differences=tuple(await audit(connection, erp)),
    )


async def audit(connection: Connection, erp: str | None = None) -> list[FinanceDifference]:
    """Places outside stock whose booked value is not their packs times what these are worth; empty when all is well.

    Both sides are read from the entries at one moment. Only movements of orders and returns have a value here: that of
    a purchase under way is its supplier's until the invoice match.
    """
    cursor = await connection.execute(
        "WITH expected AS (SELECT e.place, e.item, coalesce(v.currency, '') AS currency, "
        "sum(e.packs * coalesce(v.unit_value, 0)) AS amount, sum(e.packs) AS packs "
        "FROM stock_entry e JOIN stock_move m ON m.key = e.move_key LEFT JOIN stock_value v ON v.ref = m.ref AND "
        "v.item = e.item WHERE m.source IN ('order', 'return') AND split_part(e.place, ':', 1) <> ALL(%(stock)s) "
        "AND (%(erp)s::text IS NULL OR split_part(m.ref, '/', 1) = %(erp)s) GROUP BY 1, 2, 3), "
        "booked AS (SELECT e.place, e.item, e.currency, sum(e.amount) AS amount, sum(e.packs) AS packs "
        "FROM finance_entry e JOIN finance_move m ON m.key = e.move_key WHERE e.item <> '' AND e.account <> %(inventory)s "
        "AND (%(erp)s::text IS NULL OR split_part(m.ref, '/', 1) = %(erp)s) GROUP BY 1, 2, 3) "
        "SELECT place, item, currency, coalesce(booked.amount, 0) AS booked, coalesce(expected.amount, 0) AS expected "
        "FROM expected FULL JOIN booked USING (place, item, currency) "
        "WHERE coalesce(booked.amount, 0) <> coalesce(expected.amount, 0) "
        "OR coalesce(booked.packs, 0) <> coalesce(expected.packs, 0) ORDER BY 1, 2",
        {
            "stock": [bucket for bucket, account in ACCOUNT_OF.items() if account is Account.INVENTORY],
            "inventory": Account.INVENTORY,
            "erp": erp,
        },
    )
    return [FinanceDifference.model_validate(row) for row in await cursor.fetchall()]
