"""The effects ledger: what other systems were asked, with what outcome. A row is `planned` with the step that owes it, then
`done`, or `failed` when the system refuses it for good; `superseded` when a lost attempt at a step owed it, which was decided
otherwise since: nobody asks for it any more, and the system may have done it all the same.
"""

from typing import Any

from schemas.base import Origin
from schemas.effects import Effect
from schemas.orders import OrderStatus
from store.engine import Connection

MAX_ERROR = 300


async def plan(
    connection: Connection, order_key: str, owed: tuple[Effect, ...], version: int = 0, *, again: bool = False
) -> None:
    """These effects are owed from now on, by this version of an order; those that are done stay as they are. `again`:
    decided again after a lost attempt, so what is not done yet may come in another order: it tells the newer status."""
    if not owed:
        return
    await connection.execute(
        "INSERT INTO effect (key, order_key, version, system, operation, shipment, milestone, site, change, outcome, "
        "attempts, accepted_at, trace_id, order_status) SELECT k, %(order)s, %(version)s, s, o, h, m, w, c, 'planned', 0, "
        "a, t, r FROM unnest(%(keys)s::text[], %(systems)s::text[], %(operations)s::text[], %(shipments)s::text[], "
        "%(milestones)s::text[], %(sites)s::text[], %(changes)s::text[], %(accepted)s::timestamptz[], %(traces)s::text[], "
        "%(statuses)s::text[]) AS x(k, s, o, h, m, w, c, a, t, r) "
        "ON CONFLICT (key) DO UPDATE SET version = excluded.version, "
        "outcome = CASE effect.outcome WHEN 'superseded' THEN 'planned' ELSE effect.outcome END, "
        "order_status = CASE WHEN %(again)s THEN excluded.order_status ELSE effect.order_status END, restated = "
        "effect.restated OR %(again)s AND effect.order_status IS DISTINCT FROM excluded.order_status "
        "WHERE effect.outcome <> 'done'",
        {
            "order": order_key,
            "version": version,
            "again": again,
            "keys": [e.key for e in owed],
            "systems": [e.system for e in owed],
            "operations": [e.operation for e in owed],
            "shipments": [e.shipment for e in owed],
            "milestones": [e.milestone for e in owed],
            "sites": [e.site for e in owed],
            "changes": [e.change for e in owed],
            "accepted": [e.accepted_at for e in owed],
            "traces": [e.traceparent[3:35] for e in owed],
            "statuses": [e.order_status for e in owed],
        },
    )


async def supersede(connection: Connection, order_key: str, base: int, version: int, owed: tuple[Effect, ...]) -> None:
    """Of a step that is decided again: what was owed since its base, and is not by it, was owed by lost attempts only."""
    await connection.execute(
        "UPDATE effect SET outcome = 'superseded' WHERE order_key = %s AND version > %s AND version <= %s "
        "AND outcome = 'planned' AND key <> ALL(%s)",
        (order_key, base, version, [e.key for e in owed]),
    )


async def told_status(connection: Connection, effect: Effect) -> OrderStatus | None:
    """The order's status as it was first planned to be told under this key: a repeat says the same."""
    cursor = await connection.execute("SELECT order_status FROM effect WHERE key = %s", (effect.key,))
    row = await cursor.fetchone()
    return OrderStatus(row["order_status"]) if row and row["order_status"] else effect.order_status


async def restated(connection: Connection, effect: Effect) -> bool:
    """Whether it is told otherwise than a lost attempt was about to, or did."""
    cursor = await connection.execute("SELECT FROM effect WHERE key = %s AND restated", (effect.key,))
    return await cursor.fetchone() is not None


async def done(connection: Connection, effect: Effect, reference: str, attempts: int) -> None:
    """The other system confirmed the effect."""
    await connection.execute(
        "INSERT INTO effect (key, order_key, system, operation, shipment, milestone, site, change, outcome, attempts, "
        "accepted_at, reference, done_at) VALUES (%(key)s, %(order)s, %(system)s, %(operation)s, %(shipment)s, "
        "%(milestone)s, %(site)s, %(change)s, 'done', %(attempts)s, %(accepted_at)s, %(reference)s, clock_timestamp()) ON CONFLICT (key) DO UPDATE SET outcome = 'done', "
        "attempts = effect.attempts + %(attempts)s, reference = excluded.reference, error = NULL, "
        "done_at = coalesce(effect.done_at, excluded.done_at)",
        {**_columns(effect), "reference": reference, "attempts": attempts},
    )


async def done_among(connection: Connection, keys: list[str]) -> set[str]:
    """Those that have been done."""
    cursor = await connection.execute("SELECT key FROM effect WHERE key = ANY(%s) AND outcome = 'done'", (keys,))
    return {row["key"] for row in await cursor.fetchall()}


async def failed(connection: Connection, effect: Effect, origin: Origin, error: str, *, final: bool) -> None:
    """An attempt failed. `final`: the system refused by rule, and no retry can help."""
    await connection.execute(
        "UPDATE effect SET outcome = CASE WHEN outcome IN ('done', 'superseded') THEN outcome ELSE %s END, "
        "attempts = attempts + 1, "
        "origin = %s, error = %s WHERE key = %s",
        ("failed" if final else "planned", origin, error[:MAX_ERROR], effect.key),
    )


def _columns(effect: Effect) -> dict[str, Any]:
    return {
        **effect.model_dump(
            include={"key", "order", "operation", "shipment", "milestone", "site", "change", "accepted_at"}
        ),
        "system": effect.system,
    }
