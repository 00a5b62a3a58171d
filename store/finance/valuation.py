"""The value of the stock ledger: accounts, and goods in transit by day. Read-only; every figure is a sum of entries."""

from datetime import date, datetime
from typing import Any

from schemas.finance.valuation import ACCOUNT_OF, Account
from store.engine import Connection
from store.finance.freight import FREIGHT

REPORTED_OF_ORDERS = [Account.INVENTORY, Account.GOODS_IN_TRANSIT, Account.COST_OF_GOODS_SOLD]
"""Accounts of goods in an ERP, by the messages on its orders."""
VALUED = """
    SELECT e.*, m.booked_at, m.ref, m.source, coalesce(v.currency, '') AS currency,
        split_part(e.place, ':', 1) AS bucket
    FROM stock_entry e
    JOIN stock_move m ON m.key = e.move_key
    LEFT JOIN unit_value v ON v.ref = m.ref AND v.item = e.item
    WHERE %(erp)s::text IS NULL OR (m.source <> 'inventory' AND starts_with(m.ref, %(erp)s || '/'))
"""
_SIDES = f"""
    SELECT substr(ref, strpos(ref, '/') + 1) AS "order", account, currency, sum(amount) AS amount
    FROM (
        SELECT x.ref, a.account, x.currency, x.amount
        FROM ({VALUED}) x
        JOIN unnest(%(buckets)s::text[], %(accounts)s::text[]) AS a(bucket, account) USING (bucket)
        WHERE x.source NOT IN ('purchase', 'inventory') AND a.account = ANY(%(told)s)
        UNION ALL
        SELECT ref, account, currency, amount FROM ({FREIGHT}) f
    ) sides
"""
BY_ORDER = f"{_SIDES} GROUP BY ref, 2, 3 HAVING sum(amount) <> 0"
OF_REFS = f"{_SIDES} WHERE ref = ANY(%(refs)s) GROUP BY ref, 2, 3"
"""Value at sites that each order has taken or brought back, on its way to customers, and with them; freight."""


async def one_moment(connection: Connection) -> datetime:
    """From here on, this transaction reads everything as it is now; returns that moment."""
    await connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
    cursor = await connection.execute("SELECT clock_timestamp() AS now")
    [row] = await cursor.fetchall()
    now: datetime = row["now"]
    return now


async def accounts(
    connection: Connection, erp: str | None = None, as_of: datetime | None = None
) -> list[dict[str, Any]]:
    """(account, currency, amount, packs) of every account that is not empty; of the orders of one ERP, or of all.
    `as_of`: what was booked by then."""
    cursor = await connection.execute(
        f"""
        WITH sides AS (
            SELECT a.account, x.currency, x.amount, x.packs
            FROM ({VALUED}) x
            JOIN unnest(%(buckets)s::text[], %(accounts)s::text[]) AS a(bucket, account) USING (bucket)
            WHERE %(as_of)s::timestamptz IS NULL OR x.booked_at <= %(as_of)s
            UNION ALL
            SELECT account, currency, amount, 0
            FROM ({FREIGHT}) f
            WHERE %(as_of)s::timestamptz IS NULL OR f.booked_at <= %(as_of)s
        )
        SELECT account, currency, sum(amount) AS amount, sum(packs)::bigint AS packs
        FROM sides
        GROUP BY 1, 2
        HAVING sum(amount) <> 0 OR sum(packs) <> 0
        ORDER BY 2, 1
        """.encode(),
        {"erp": erp, "buckets": list(ACCOUNT_OF), "accounts": list(ACCOUNT_OF.values()), "as_of": as_of},
    )
    return await cursor.fetchall()


def of_orders(erp: str | None) -> dict[str, Any]:
    """Parameters of `BY_ORDER`: the ERP of the orders, None for all."""
    return {"erp": erp, "buckets": list(ACCOUNT_OF), "accounts": list(ACCOUNT_OF.values()), "told": REPORTED_OF_ORDERS}


async def of_refs(connection: Connection, erp: str, refs: list[str]) -> list[dict[str, Any]]:
    """(order, account, currency, amount) of what an ERP keeps of these orders too, 0 also."""
    cursor = await connection.execute(OF_REFS.encode(), {**of_orders(erp), "refs": refs})
    return await cursor.fetchall()


async def in_transit(connection: Connection, first: date, last: date, erp: str | None = None) -> list[dict[str, Any]]:
    """(day, currency, amount, packs) in transit at the end of each day from first to last."""
    cursor = await connection.execute(
        f"""
        WITH moved AS (
            SELECT currency, day_in(booked_at, 'UTC') AS day, sum(amount) AS amount, sum(packs) AS packs
            FROM ({VALUED}) x
            WHERE bucket = 'transit'
            GROUP BY 1, 2
        )
        SELECT d::date AS day, currency, sum(amount) AS amount, sum(packs)::bigint AS packs
        FROM generate_series(%(first)s::date, %(last)s::date, interval '1 day') d
        JOIN moved ON moved.day <= d
        GROUP BY 1, 2
        ORDER BY 1, 2
        """.encode(),
        {"erp": erp, "first": first, "last": last},
    )
    return await cursor.fetchall()


async def disagreements(connection: Connection) -> list[dict[str, Any]]:
    """Places where value and packs do not go together: value without packs, or a balance that is not the sum of its
    entries. Nothing, when what finance reads equals what supply chain reads."""
    cursor = await connection.execute(
        """
        SELECT b.item, b.place, b.packs, b.amount, sum(e.amount) AS entries
        FROM stock_balance b
        JOIN stock_entry e USING (item, place)
        GROUP BY b.item, b.place, b.packs, b.amount
        HAVING b.amount <> sum(e.amount) OR (b.place LIKE 'transit:%' AND b.packs = 0 AND b.amount <> 0)
        """
    )
    return await cursor.fetchall()
