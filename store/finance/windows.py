"""Progress of comparing the systems' lists: changes on our side since then, and the end of our slice."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from schemas.base import System
from schemas.finance.reconciliation import About, ReconcileRun
from schemas.finance.windows import Mark, WindowScope
from store.engine import Connection
from store.finance import valuation

LAST = "\U0010ffff"
"""Behind every name."""
EFFECT_AT = {
    System.ERP: "starts_with(e.order_key, %(target)s || '/')",
    System.WMS: "coalesce(nullif(e.site, ''), o.site) = %(target)s",
    System.TMS: "o.region = %(target)s",
    System.PLANNING: "coalesce(r.region, o.region) = %(target)s",
}
"""Whether an effect `e` of an order `o` or a replenishment `r` is for a target of a system."""
EFFECT_OF = """
    LEFT JOIN order_view o ON o.key = e.order_key
    LEFT JOIN replenishment r ON e.order_key = r.erp || '/replenishment:' || r.id
"""
ORDER_IN = {
    System.ERP: "o.erp = %(target)s",
    System.WMS: "((o.site = %(target)s AND o.variant = 'distribution_centre') OR o.apart -> 'sources' ? %(target)s)",
    System.TMS: "o.region = %(target)s",
}
"""Whether a target of a system takes part in an order `o`."""
EDITION = "CASE {n} WHEN 1 THEN '' ELSE '/e' || {n} END"
"""The suffix of an edition's key."""
ORDERS = """
    SELECT key
    FROM order_view
    WHERE number COLLATE "C" > %(after)s AND number COLLATE "C" <= %(upto)s
    UNION
    SELECT key FROM order_view WHERE number = ANY(%(names)s)
"""
EFFECTS = """
    SELECT key
    FROM effect
    WHERE system = %(system)s AND key COLLATE "C" > %(after)s AND key COLLATE "C" <= %(upto)s
    UNION
    SELECT key FROM effect WHERE key = ANY(%(names)s)
"""
"""The keys of those that a scope may be about: of a slice and of some names. Each half has an index."""
CHANGED_ORDERS = """
    SELECT o.number AS name
    FROM order_view o
    WHERE coalesce(o.closed_at, o.created_at) >= %(since)s AND {mine}
    UNION
    SELECT o.number
    FROM effect e
    JOIN order_view o ON o.key = e.order_key
    WHERE e.done_at >= %(since)s AND e.system = %(system)s AND {mine}
    LIMIT %(limit)s
"""
"""Orders that have begun, ended, or of which a system was told: what it is to have of one changes with nothing else."""
CHANGED_EFFECTS = f"""
    SELECT e.key || {EDITION.format(n="e.edition")} AS name
    FROM effect e
    {EFFECT_OF}
    WHERE e.done_at >= %(since)s AND e.system = %(system)s AND {{mine}}
    LIMIT %(limit)s
"""
BOOKED = """
    SELECT ref
    FROM stock_move
    WHERE booked_at >= %(since)s
        AND source NOT IN ('purchase', 'inventory')
        AND starts_with(ref, %(target)s || '/')
    UNION
    SELECT ref
    FROM freight_move
    WHERE booked_at >= %(since)s AND starts_with(ref, %(target)s || '/')
    LIMIT %(limit)s
"""
ENDS = {
    About.EFFECT: """
        SELECT key AS name
        FROM effect
        WHERE system = %(system)s AND key COLLATE "C" > %(after)s
        ORDER BY key COLLATE "C" OFFSET %(n)s LIMIT 1
    """
}
ORDERS_END = """
    SELECT number AS name
    FROM order_view
    WHERE number COLLATE "C" > %(after)s
    ORDER BY number COLLATE "C" OFFSET %(n)s LIMIT 1
"""
"""The last name of a slice of ours; whoever else's are between, so that no slice costs more than another."""


async def marks(connection: Connection, run: ReconcileRun) -> dict[About, Mark]:
    """The progress of each list of a run's system."""
    cursor = await connection.execute(
        """
        SELECT about, seen_at, listed_at, behind, round_began_at, swept_at
        FROM reconciliation_mark
        WHERE system = %s AND target = %s
        """,
        (run.system, run.target),
    )
    return {About(row.pop("about")): Mark(**row) for row in await cursor.fetchall()}


async def advance(connection: Connection, run: ReconcileRun, found: Mapping[About, Mark]) -> None:
    """Record the progress. Call it in the transaction that writes the findings."""
    for about, mark in found.items():
        await connection.execute(
            """
            INSERT INTO reconciliation_mark (
                system, target, about, seen_at, listed_at, behind, round_began_at, swept_at
            )
            VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
            ON CONFLICT (system, target, about) DO UPDATE
            SET seen_at = excluded.seen_at, listed_at = excluded.listed_at, behind = excluded.behind,
                round_began_at = excluded.round_began_at, swept_at = excluded.swept_at
            """,
            (run.system, run.target, about, *mark),
        )


async def changed(
    connection: Connection, run: ReconcileRun, about: About, since: datetime, limit: int
) -> frozenset[str]:
    """Names of entries that a list should have changed since then, by our books or by the system's confirmation;
    limited."""
    params = {"since": since, "system": run.system, "target": run.target, "limit": limit}
    system = System(run.system)
    if about is About.ACCOUNT:
        cursor = await connection.execute(BOOKED, params)
        posted = await valuation.of_refs(connection, run.target, [row["ref"] for row in await cursor.fetchall()])
        return frozenset(f"{row['order']} {row['account']} {row['currency']}" for row in posted)
    query = CHANGED_EFFECTS.format(mine=EFFECT_AT[system]) if about is About.EFFECT else None
    query = query or CHANGED_ORDERS.format(mine=ORDER_IN[system])
    cursor = await connection.execute(query.encode(), params)
    return frozenset(row["name"] for row in await cursor.fetchall())


async def end(connection: Connection, run: ReconcileRun, about: About, after: str, size: int) -> str:
    """The end of a slice of so many entries of ours; empty: there are fewer."""
    params = {"system": run.system, "after": after, "n": size - 1}
    cursor = await connection.execute(ENDS.get(about, ORDERS_END), params)
    row = await cursor.fetchone()
    return row["name"] if row else ""


def within(scope: WindowScope, names: Iterable[str]) -> dict[str, object]:
    """Parameters of `ORDERS` and `EFFECTS`."""
    return {"after": scope.after, "upto": scope.upto or LAST, "names": [*names, *scope.begins]}
