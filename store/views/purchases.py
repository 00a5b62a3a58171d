"""The purchases page of the control tower: purchase orders, and proposals that failed. Read-only."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from schemas.procurement.purchase_orders import PurchaseStatus
from store.engine import Connection
from store.rows import rows

PURCHASES, FAILED = 200, 30
"""At most this many entries in each list."""
LOOKED_AT = 1_000
"""Purchase orders read of a state: of open ones those that are open longest, of others the newest."""
MOST_COUNTED = 10_000
"""Orders of one state are counted up to this many."""
OVER = (PurchaseStatus.SETTLED, PurchaseStatus.CANCELLED)
"""Statuses of purchase orders that are over."""
OPEN = [str(status) for status in PurchaseStatus if status not in OVER]


@dataclass(frozen=True)
class Purchase:
    """A purchase order in packs and money. `next_on`: when the next of what is still to come is expected, `due_on` when
    that was due; `today`, as it is at the site. `otherwise`: lines that the supplier confirmed otherwise than they were
    ordered."""

    key: str
    erp: str
    number: str
    supplier: str
    site: str
    status: str
    currency: str
    value: Decimal
    ordered: int
    received: int
    damaged: int
    otherwise: int
    next_on: date | None
    due_on: date | None
    cases: int
    held: int
    released: int
    today: date

    @property
    def late_days(self) -> int:
        """By how many days what is expected next comes later than it was due."""
        return max(0, (self.next_on - self.due_on).days) if self.next_on and self.due_on else 0


@dataclass(frozen=True)
class Failed:
    """A proposal of planning that a hop refused, or could not pass on yet (`proposed`)."""

    id: str
    kind: str
    item: str
    site: str
    state: str
    hop: str
    origin: str | None
    reason: str
    updated_at: datetime


async def states(connection: Connection) -> dict[str, int]:
    """Numbers of purchase orders by state; none are counted beyond MOST_COUNTED."""
    cursor = await connection.execute(
        """
        SELECT status, n
        FROM unnest(%s::text[]) AS x(status)
        CROSS JOIN LATERAL (
            SELECT count(*)::int AS n
            FROM (SELECT FROM purchase_order p WHERE p.status = x.status LIMIT %s) z
        ) y
        """,
        ([str(status) for status in PurchaseStatus], MOST_COUNTED),
    )
    return {row["status"]: row["n"] for row in await cursor.fetchall()}


async def purchases(connection: Connection, status: str) -> list[Purchase]:
    """Purchase orders in a state (empty: in any that is open): first those with trouble, then the next expected."""
    first = "created_at DESC" if status in OVER else "created_at"
    return await rows(
        connection,
        Purchase,
        f"""
        SELECT p.key, p.erp, p.number, p.supplier, p.site, p.status, p.currency, l.*, c.cases, i.held,
            i.released, site_day(now(), p.site) AS today
        FROM (
            SELECT *
            FROM purchase_order
            WHERE status = ANY(%(statuses)s)
            ORDER BY {first}, key LIMIT %(some)s
        ) p
        CROSS JOIN LATERAL (
            SELECT round(coalesce(sum(ordered * unit_price / per), 0), 4) AS value,
                coalesce(sum(ordered), 0)::bigint AS ordered, coalesce(sum(received), 0)::bigint AS received,
                coalesce(sum(damaged), 0)::bigint AS damaged,
                count(*) FILTER (WHERE confirmed <> ordered OR expected_on > due_on) AS otherwise,
                min(coalesce(expected_on, due_on)) FILTER (WHERE received < ordered) AS next_on,
                (
                    array_agg(due_on ORDER BY coalesce(expected_on, due_on)) FILTER (WHERE received < ordered)
                )[1] AS due_on
            FROM purchase_line
            WHERE order_key = p.key
        ) l
        CROSS JOIN LATERAL (
            SELECT count(*) AS cases
            FROM exception_case
            WHERE order_key = p.key AND closed_at IS NULL
        ) c
        CROSS JOIN LATERAL (
            SELECT count(*) FILTER (WHERE decision = 'held') AS held,
                count(*) FILTER (WHERE decision = 'released') AS released
            FROM invoice
            WHERE order_key = p.key
        ) i
        ORDER BY c.cases > 0 DESC, i.held > 0 DESC, l.otherwise + l.damaged > 0 DESC, l.next_on NULLS LAST,
            p.key LIMIT %(limit)s
        """,
        {"statuses": [status] if status else OPEN, "some": LOOKED_AT, "limit": PURCHASES},
    )


async def failed(connection: Connection) -> list[Failed]:
    """Proposals that no order came of, the newest first; those that are still tried among them."""
    return await rows(
        connection,
        Failed,
        """
        SELECT id, kind, item, site, state, hop, origin, reason, updated_at
        FROM replenishment
        WHERE state = 'refused' OR state = 'proposed' AND reason <> ''
        ORDER BY updated_at DESC, id LIMIT %(limit)s
        """,
        {"limit": FAILED},
    )
