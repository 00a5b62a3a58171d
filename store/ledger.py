"""The stock ledger: every accepted movement, booked once, and what follows from it: how many packs are where.

A trigger refuses a movement whose sides do not sum to zero, and keeps the balances; nothing else writes them.
"""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from schemas.stock import Moves, StockMove, entries
from store.engine import Connection
from store.planning import CHANNEL
from store.positions import TELL

BOOK = (
    "WITH known AS (INSERT INTO stock_move (key, kind, source, ref, occurred_at) VALUES (%s, %s, %s, %s, "
    "coalesce(%s, clock_timestamp())) ON CONFLICT DO NOTHING RETURNING key, ref, occurred_at), "
    "sides AS (INSERT INTO stock_entry (move_key, place, item, packs, amount, occurred_at) "
    "SELECT known.key, p, i, q, q * coalesce(v.value, 0), known.occurred_at "
    "FROM known CROSS JOIN unnest(%s::text[], %s::text[], %s::bigint[]) AS x(p, i, q) "
    "LEFT JOIN unit_value v ON v.ref = known.ref AND v.item = i ORDER BY i, p RETURNING place, item, packs), "
    f"told AS ({TELL}) SELECT count(*) AS fresh, pg_notify('{CHANNEL}', '') FROM known"
).encode()
"""Books a movement, and buffers what planning must know of it."""


async def book(connection: Connection, movements: Iterable[StockMove]) -> int:
    """Book movements; those that are known stay as they are. How many were new, also when they moved nothing. Raises
    psycopg's CheckViolation when the sides of one do not sum to zero."""
    fresh = 0
    for it in movements:
        cursor = await connection.execute(BOOK, (it.key, it.kind, it.source, it.ref, it.occurred_at, *_sides(it.moves)))
        row = await cursor.fetchone()
        fresh += row["fresh"] if row else 0
    return fresh


async def book_step(connection: Connection, key: str, source: str, ref: str, moves: Moves) -> None:
    """Book how stock moved in one step of a workflow; nothing when it did not."""
    if moves:
        await connection.execute(BOOK, (key, "step", source, ref, None, *_sides(moves)))


async def hold(connection: Connection, figures: Iterable[tuple[str, str]]) -> None:
    """Lock the balances of these (item, place), in the order in which every movement locks them, until the transaction
    ends: for who books several movements in one."""
    pairs = sorted(set(figures))
    await connection.execute(
        "SELECT FROM stock_balance JOIN unnest(%s::text[], %s::text[]) AS x(item, place) USING (item, place) "
        "ORDER BY item, place FOR UPDATE OF stock_balance",
        ([item for item, _ in pairs], [name for _, name in pairs]),
    )


async def set_values(connection: Connection, ref: str, currency: str, values: dict[str, Decimal]) -> None:
    """What a pack of each item is worth in the movements of an order; what is known stays as it is."""
    if values:
        await connection.execute(
            "INSERT INTO unit_value (ref, item, value, currency) SELECT %s, i, v, %s "
            "FROM unnest(%s::text[], %s::numeric[]) AS x(i, v) ON CONFLICT DO NOTHING",
            (ref, currency, list(values), list(values.values())),
        )


def _sides(moves: Moves) -> tuple[list[str], list[str], list[int]]:
    found = list(entries(moves))
    return [x.place for x in found], [x.item for x in found], [x.packs for x in found]


async def balances(connection: Connection, item: str | None = None) -> list[dict[str, Any]]:
    """(item, place, packs) of every place that is not empty."""
    cursor = await connection.execute(
        "SELECT item, place, packs FROM stock_balance WHERE packs <> 0 AND (%(item)s::text IS NULL OR item = %(item)s) "
        "ORDER BY item, place",
        {"item": item},
    )
    return await cursor.fetchall()


async def audit(connection: Connection) -> list[dict[str, Any]]:
    """Where the balances are not the sum of the entries, or an item's do not sum to zero; empty when all is well."""
    cursor = await connection.execute(
        "SELECT item, place, coalesce(b.packs, 0) AS balance, coalesce(e.packs, 0) AS entries FROM stock_balance b "
        "FULL JOIN (SELECT item, place, sum(packs) AS packs FROM stock_entry GROUP BY 1, 2) e USING (item, place) "
        "WHERE coalesce(b.packs, 0) <> coalesce(e.packs, 0) UNION ALL "
        "SELECT item, '', sum(packs), 0 FROM stock_balance GROUP BY item HAVING sum(packs) <> 0"
    )
    return await cursor.fetchall()
