"""Bulk reports for ERPs: written with the reported change, sent by the ERP's feed, each row settled once."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from psycopg.types.json import Jsonb

from schemas.finance.erp_feed import ErpForecast, ErpRowKind, ErpStockMovement
from schemas.inventory.stock import Bucket
from store.engine import Connection

CHANNEL = "erp_feed"
"""PostgreSQL notification channel that wakes the feeds."""
Owner = Callable[[str], str | None]
"""Which ERP owns the stock of a site; None: no ERP does."""


@dataclass(frozen=True)
class OwedRow:
    """A row that an ERP has not received."""

    id: int
    body: dict[str, Any]


async def owe_forecasts(connection: Connection, owner: Owner, rows: Iterable[ErpForecast]) -> None:
    """Owe these forecasts to the ERPs that own the sites' stock."""
    await _owe(connection, ErpRowKind.FORECAST, owner, rows)


async def owe_movements(connection: Connection, owner: Owner, booked: dict[str, str]) -> None:
    """Owe ERPs the changes at their sites by these movements of the stock ledger, with the reported reason of each."""
    cursor = await connection.execute(
        """
        SELECT m.key, m.kind, split_part(e.place, ':', 2) AS site, e.item, m.occurred_at,
            sum(e.packs) FILTER (WHERE e.place LIKE 'on_hand:%%')::bigint AS on_hand,
            sum(e.packs) FILTER (WHERE e.place LIKE 'blocked:%%')::bigint AS blocked
        FROM stock_move m
        JOIN stock_entry e ON e.move_key = m.key
        WHERE m.key = ANY(%s) AND split_part(e.place, ':', 1) = ANY(%s)
        GROUP BY 1, 2, 3, 4, 5
        ORDER BY 5, 1
        """,
        (list(booked), [Bucket.ON_HAND, Bucket.BLOCKED]),
    )
    rows = await cursor.fetchall()
    moves = (
        ErpStockMovement(**{name: value for name, value in row.items() if value is not None}, reason=booked[row["key"]])
        for row in rows
    )
    await _owe(connection, ErpRowKind.STOCK, owner, moves)


async def _owe(
    connection: Connection, kind: ErpRowKind, owner: Owner, rows: Iterable[ErpForecast | ErpStockMovement]
) -> None:
    owed = [(erp, row) for row in rows if (erp := owner(row.site))]
    if not owed:
        return
    await connection.execute(
        """
        INSERT INTO erp_feed (erp, kind, key, body)
        SELECT e, %s, k, b
        FROM unnest(%s::text[], %s::text[], %s::jsonb[]) AS x(e, k, b)
        ON CONFLICT DO NOTHING
        """,
        (
            kind,
            [erp for erp, _ in owed],
            [row.key for _, row in owed],
            [Jsonb(row.model_dump(mode="json")) for _, row in owed],
        ),
    )
    await connection.execute(f"NOTIFY {CHANNEL}")


async def take(connection: Connection, erp: str, kind: ErpRowKind, limit: int) -> list[OwedRow]:
    """The oldest rows of a kind that an ERP has not received. One feed per ERP reads them, so they need no lock."""
    cursor = await connection.execute(
        """
        SELECT id, body
        FROM erp_feed
        WHERE erp = %s AND kind = %s AND sent_at IS NULL AND refused IS NULL
        ORDER BY id LIMIT %s
        """,
        (erp, kind, limit),
    )
    return [OwedRow(**row) for row in await cursor.fetchall()]


async def sent(connection: Connection, ids: list[int]) -> None:
    """The ERP has taken these."""
    await connection.execute("UPDATE erp_feed SET sent_at = clock_timestamp() WHERE id = ANY(%s)", (ids,))


async def refused(connection: Connection, row: int, reason: str) -> None:
    """The ERP will not take this one: it is kept with the reason, and holds up no other."""
    await connection.execute("UPDATE erp_feed SET refused = %s WHERE id = %s", (reason, row))
