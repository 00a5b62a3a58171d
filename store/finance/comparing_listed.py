"""Our side of a comparison with listed entries: orders, freight, waiting releases, effects."""

import re
from collections.abc import Iterable
from typing import Any

from schemas.base import System
from schemas.finance.erp_feed import ErpRowKind
from schemas.finance.reconciliation import ReconcileRun
from schemas.finance.windows import WindowScope
from store.engine import Connection
from store.finance.windows import EDITION, EFFECT_AT, EFFECT_OF, EFFECTS, ORDERS, within
from store.messaging import inbox

EDITION_OF = re.compile(r"/e\d+$")
"""The end of an edition's key."""


async def orders(
    connection: Connection, erp: str, scope: WindowScope, numbers: Iterable[str], settle_s: float
) -> list[dict[str, Any]]:
    """(key, number, status, told, owed, young) of an ERP's orders in the slice of a scope, and of those with these
    numbers. `told`: the statuses that it has confirmed; `owed`: the effects that it has not."""
    cursor = await connection.execute(
        f"""
        SELECT o.key, o.number, o.status,
            o.updated_at > clock_timestamp() - make_interval(secs => %(settle_s)s) AS young,
            coalesce(e.told, '{{}}') AS told, coalesce(e.owed, '{{}}') AS owed
        FROM ({ORDERS}) p
        JOIN order_view o USING (key)
        LEFT JOIN LATERAL (
            SELECT
                array_agg(DISTINCT order_status) FILTER (
                    WHERE outcome = 'done' AND order_status IS NOT NULL
                ) AS told,
                array_agg(key ORDER BY planned_at, key) FILTER (
                    WHERE outcome IN ('planned', 'failed')
                ) AS owed
            FROM effect
            WHERE system = 'erp' AND order_key = o.key
        ) e ON true
        WHERE o.erp = %(erp)s
        """.encode(),
        {"erp": erp, "settle_s": settle_s, **within(scope, numbers)},
    )
    return await cursor.fetchall()


async def freight_owed(connection: Connection, erp: str) -> list[dict[str, Any]]:
    """(number, key) of the freight of orders that an ERP has neither received nor refused."""
    cursor = await connection.execute(
        """
        SELECT body->>'order' AS number, key
        FROM erp_feed
        WHERE erp = %s AND kind = %s AND sent_at IS NULL AND refused IS NULL
        ORDER BY id
        """,
        (erp, ErpRowKind.FREIGHT),
    )
    return await cursor.fetchall()


async def waiting_releases(connection: Connection, erp: str) -> dict[str, str]:
    """Number → message, of orders that an ERP has released and that wait for the relay, or for people."""
    cursor = await connection.execute(
        """
        SELECT external_id, id, state
        FROM inbox_message
        WHERE partner = %s AND kind = %s AND state IN ('received', 'quarantined')
        """,
        (erp, inbox.RELEASE),
    )
    return {row["external_id"]: f"message {row['id']} ({row['state']})" for row in await cursor.fetchall()}


async def effects(
    connection: Connection, run: ReconcileRun, scope: WindowScope
) -> tuple[dict[str, bool], frozenset[str]]:
    """Idempotency-Key → whether it was confirmed, of our effects of a scope at the run's target.

    Also the keys that the system may have: at its other targets, superseded, or of editions before the last. Refused
    effects are expected nowhere. A key `<key>/e<edition>` is found by its effect, wherever the slice begins or ends.
    """
    names = {*scope.names, *(EDITION_OF.sub("", name) for name in scope.names)}
    cursor = await connection.execute(
        f"""
        SELECT e.key || {EDITION.format(n="n")} AS key, e.outcome = 'done' AS done,
            n = e.edition AND e.outcome <> 'superseded'
                AND coalesce({EFFECT_AT[System(run.system)]}, false) AS here
        FROM ({EFFECTS}) p
        JOIN effect e USING (key)
        CROSS JOIN generate_series(1, e.edition) n
        {EFFECT_OF}
        WHERE e.system = %(system)s AND (e.outcome <> 'failed' OR n < e.edition)
        """.encode(),
        {"system": run.system, "target": run.target, **within(scope, names)},
    )
    rows = [row for row in await cursor.fetchall() if scope.covers(row["key"])]
    here = {row["key"]: row["done"] for row in rows if row["here"]}
    return here, frozenset(row["key"] for row in rows if not row["here"])
