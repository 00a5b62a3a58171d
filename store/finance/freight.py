"""Freight in double entry: accrued when goods leave, as a share of their value, and reversed by the carrier's invoice.

Policies about `freight` have the share. Without one nothing is accrued: what carrying goods costs is not guessed.
"""

from datetime import datetime
from typing import Any

from schemas.cases.policies import TOLERANCE
from schemas.finance.erp_feed import ErpRowKind, FreightEvent
from schemas.finance.freight import GoodsIssued
from schemas.finance.valuation import Account
from schemas.inventory.stock import StockPlace
from store.changes import StepScope
from store.engine import Connection
from store.finance import erp_feed
from store.inventory import ledger
from store.inventory.ledger import Booking

FREIGHT = """
    SELECT e.*, m.ref, m.booked_at
    FROM freight_entry e
    JOIN freight_move m ON m.key = e.move_key
    WHERE %(erp)s::text IS NULL OR starts_with(m.ref, %(erp)s || '/')
"""
"""Every side of every movement of freight: of the orders of one ERP, or of all."""
SET_FOR = """
    p.about = 'freight'
    AND p.scope <@ jsonb_strip_nulls(
        jsonb_build_object('partner', nullif(o.carrier, ''), 'site', o.site, 'region', o.region)
    )
"""
"""Whether a rule `p` is about the freight of an order `o`."""


def _set(field: str) -> str:
    """SQL: the policy value for an order `o`, refined as in `domain.cases.escalation_policies`. The most specific rule wins; of
    equally specific rules, the later id. NULL when no rule has it."""
    return f"""
        (
            SELECT (p.body->>'{field}')::numeric
            FROM (SELECT DISTINCT ON (id) * FROM policy ORDER BY id, version DESC) p
            WHERE {SET_FOR} AND p.body ? '{field}'
            ORDER BY (SELECT count(*) FROM jsonb_object_keys(p.scope)) DESC, p.id DESC LIMIT 1
        )
    """


ACCRUE = f"""
    WITH wanted AS (
        SELECT x.shipment, v.currency,
            round(
                sum(x.packs * v.value / v.packs) * (
                    SELECT {_set("share")}
                    FROM order_view o
                    WHERE o.key = %(ref)s::text
                ),
                2
            ) AS amount
        FROM unnest(%(shipments)s::text[], %(items)s::text[], %(packs)s::bigint[]) AS x(shipment, item, packs)
        JOIN unit_value v ON v.ref = %(ref)s::text AND v.item = x.item
        GROUP BY 1, 2
    ),
    booked AS (
        SELECT e.shipment, e.currency, e.amount
        FROM freight_move m
        JOIN freight_entry e ON e.move_key = m.key AND e.account = '{Account.FREIGHT_EXPENSE}'
        WHERE %(repeated)s AND m.workflow_id = %(workflow)s AND m.version > %(base)s AND m.version <= %(upto)s
    ),
    gone AS (
        SELECT shipment, currency, sum(amount) AS amount
        FROM (
            SELECT shipment, currency, amount FROM wanted
            UNION ALL
            SELECT shipment, currency, -amount FROM booked
        ) x
        GROUP BY 1, 2
        HAVING sum(amount) <> 0
    ),
    known AS (
        INSERT INTO freight_move (key, ref, workflow_id, version)
        SELECT %(key)s, %(ref)s::text, %(workflow)s, %(version)s
        WHERE EXISTS (SELECT FROM gone)
        ON CONFLICT DO NOTHING
        RETURNING key
    )
    INSERT INTO freight_entry (move_key, account, shipment, currency, amount)
    SELECT known.key, side.account, gone.shipment, gone.currency, side.sign * gone.amount
    FROM known, gone,
        (VALUES ('{Account.FREIGHT_EXPENSE}', 1), ('{Account.FREIGHT_ACCRUED}', -1)) AS side(account, sign)
    RETURNING move_key
""".encode()
"""Accrues the difference between what is wanted beyond the base of a step, and what is accrued there already."""
REPORTED_TO_ERP = (Account.FREIGHT_EXPENSE, Account.FREIGHT_ACCRUED, Account.FREIGHT_PAYABLE)
"""The accounts that an ERP keeps too."""
_SUM = "coalesce(sum(e.amount) FILTER (WHERE e.account = '{0}'), 0)::text AS {0}"
TELL = f"""
    INSERT INTO erp_feed (erp, kind, key, body)
    SELECT split_part(x.ref, '/', 1), %(kind)s, x.key, to_jsonb(x) - 'ref'
    FROM (
        SELECT m.ref, concat_ws('/', m.key, e.shipment, e.currency) AS key,
            CASE
                WHEN m.digest <> '' THEN '{FreightEvent.SETTLEMENT}'
                WHEN sum(e.amount) FILTER (WHERE e.account = '{Account.FREIGHT_EXPENSE}') < 0
                    THEN '{FreightEvent.REVERSAL}'
                ELSE '{FreightEvent.ACCRUAL}'
            END AS event,
            substr(m.ref, strpos(m.ref, '/') + 1) AS "order", e.shipment, e.currency,
            {", ".join(_SUM.format(account) for account in REPORTED_TO_ERP)},
            m.booked_at AS posted_at
        FROM freight_move m
        JOIN freight_entry e ON e.move_key = m.key
        WHERE m.key = ANY(%(keys)s)
        GROUP BY m.key, e.shipment, e.currency
    ) x
    ON CONFLICT DO NOTHING
""".encode()


async def tell(connection: Connection, *keys: str) -> None:
    """Owe these movements to the ERPs of their orders; each once."""
    await connection.execute(TELL, {"kind": ErpRowKind.FREIGHT, "keys": list(keys)})
    await connection.execute(f"NOTIFY {erp_feed.CHANNEL}")


def _key(booking: str) -> str:
    return f"accrual/{booking}"


async def accrue(connection: Connection, booking: Booking) -> None:
    """Accrue freight for what a step of an order sent on its way: `booking.moves` has it by the place of its shipment.
    Charges for goods of another shipment are reversed there, as are accruals of a superseded attempt."""
    left = [
        (StockPlace.parse(place).which, item, packs)
        for place, items in booking.moves.items()
        for item, packs in items.items()
    ]
    if left or booking.repeated:
        shipments, items, packs = (list(x) for x in zip(*left, strict=True)) if left else ([], [], [])
        found = {"key": _key(booking.key), "shipments": shipments, "items": items, "packs": packs}
        cursor = await connection.execute(ACCRUE, {**booking._asdict(), **found})
        if await cursor.fetchone():
            await tell(connection, _key(booking.key))
    if booking.repeated and booking.upto == booking.version:
        await accrue(connection, booking.beyond())


async def write(connection: Connection, scope: StepScope, change: GoodsIssued) -> None:
    """Accrue freight for what left in a step."""
    await accrue(connection, ledger.booking_in(scope, change.issued))


async def open_ones(
    connection: Connection, erp: str | None = None, as_of: datetime | None = None, limit: int = 500
) -> list[dict[str, Any]]:
    """(order, shipment, currency, amount, since) of what was accrued and is not invoiced, the oldest first; by `as_of`."""
    cursor = await connection.execute(
        f"""
        SELECT ref AS "order", shipment, currency, -sum(amount) AS amount, min(booked_at) AS since
        FROM ({FREIGHT}) f
        WHERE account = %(account)s AND (%(as_of)s::timestamptz IS NULL OR booked_at <= %(as_of)s)
        GROUP BY 1, 2, 3
        HAVING sum(amount) <> 0
        ORDER BY 5, 1, 2 LIMIT %(limit)s
        """.encode(),
        {"erp": erp, "account": Account.FREIGHT_ACCRUED, "as_of": as_of, "limit": limit},
    )
    return await cursor.fetchall()


async def invoiced(connection: Connection, erp: str) -> list[dict[str, Any]]:
    """(partner, id, order, shipment, currency, accrued, invoiced, tolerance, rated, first) of every invoice for an
    ERP's orders. `rated`: a rate had been set when the order was released."""
    cursor = await connection.execute(
        f"""
        SELECT split_part(f.move_key, '/', 2) AS partner,
            substr(f.move_key, length(split_part(f.move_key, '/', 2)) + 10) AS id, f.ref AS "order",
            f.shipment, f.currency, coalesce(sum(amount) FILTER (WHERE account = %(accrued)s), 0) AS accrued,
            coalesce(-sum(amount) FILTER (WHERE account = %(payable)s), 0) AS invoiced,
            coalesce({_set("tolerance")}, %(tolerance)s) AS tolerance,
            EXISTS (
                SELECT
                FROM policy p
                WHERE {SET_FOR} AND (p.body->>'share')::numeric > 0 AND p.active_from <= o.created_at
            ) AS rated,
            row_number() OVER (PARTITION BY f.ref, f.shipment ORDER BY f.booked_at, f.move_key) = 1 AS first
        FROM ({FREIGHT}) f
        JOIN order_view o ON o.key = f.ref
        WHERE starts_with(f.move_key, 'invoice/')
        GROUP BY f.move_key, f.ref, f.shipment, f.currency, f.booked_at, o.carrier, o.site, o.region,
            o.created_at
        ORDER BY f.booked_at, f.move_key
        """.encode(),
        {"erp": erp, "accrued": Account.FREIGHT_ACCRUED, "payable": Account.FREIGHT_PAYABLE, "tolerance": TOLERANCE},
    )
    return await cursor.fetchall()
