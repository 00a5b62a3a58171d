"""Movements in the planning buffer: written with the step that made them, until the planning feed sends them.

Stock movements come from `store.planning.positions`.
"""

from collections import Counter

from schemas.messaging.effects import PlanningDelta
from store.engine import Connection
from store.planning.planning import CHANNEL


async def buffer(connection: Connection, order_key: str, deltas: tuple[PlanningDelta, ...]) -> None:
    """Keep these movements for the planning feed and wake it; those that are known stay as they are."""
    packs: Counter[tuple[int, str]] = Counter()
    for n, delta in enumerate(deltas):
        for movement in delta.movements:
            packs[n, movement.item] += movement.quantity
    if not packs:
        return
    parts = [(deltas[n], item, quantity) for (n, item), quantity in packs.items()]
    await connection.execute(
        f"""
        WITH sites AS (
            INSERT INTO planning_site (site, region)
            SELECT DISTINCT ON (s) s, r
            FROM unnest(%s::text[], %s::text[]) AS x(s, r)
            ORDER BY s, r
            ON CONFLICT DO NOTHING
        ),
        moved AS (
            INSERT INTO planning_delta (
                key, region, order_key, item, site, day, kind, packs, promised_on, accepted_at
            )
            SELECT k, r, %s, i, s, site_day(d, s), t, q, p, a
            FROM unnest(
                %s::text[], %s::text[], %s::text[], %s::text[], %s::timestamptz[], %s::text[], %s::bigint[],
                %s::date[], %s::timestamptz[]
            ) AS x(k, r, i, s, d, t, q, p, a)
            ON CONFLICT DO NOTHING
        )
        SELECT pg_notify('{CHANNEL}', '')
        """.encode(),
        (
            [d.site for d, _, _ in parts],
            [d.region for d, _, _ in parts],
            order_key,
            [d.key for d, _, _ in parts],
            [d.region for d, _, _ in parts],
            [item for _, item, _ in parts],
            [d.site for d, _, _ in parts],
            [d.occurred_at for d, _, _ in parts],
            [d.kind for d, _, _ in parts],
            [quantity for _, _, quantity in parts],
            [d.promised_on for d, _, _ in parts],
            [d.accepted_at for d, _, _ in parts],
        ),
    )
