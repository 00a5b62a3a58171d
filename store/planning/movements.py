"""Movements in the planning buffer: written with the step that made them, until the planning feed sends them.

Stock movements come from `store.planning.positions`.
"""

from collections import Counter

from schemas.messaging.effects import PlanningDelta
from schemas.planning.movements import PlanningMoved
from store.batches import RowBatch
from store.changes import StepScope
from store.engine import Connection
from store.planning.planning import CHANNEL

MOVEMENTS = RowBatch[tuple[PlanningDelta, str, int]](
    key=("text", lambda it: it[0].key),
    region=("text", lambda it: it[0].region),
    item=("text", lambda it: it[1]),
    site=("text", lambda it: it[0].site),
    occurred_at=("timestamptz", lambda it: it[0].occurred_at),
    kind=("text", lambda it: it[0].kind),
    packs=("bigint", lambda it: it[2]),
    promised_on=("date", lambda it: it[0].promised_on),
    accepted_at=("timestamptz", lambda it: it[0].accepted_at),
)
"""(movement, item, packs)."""
BUFFER = f"""
    WITH said AS (SELECT * FROM {MOVEMENTS.rows}),
    sites AS (
        INSERT INTO planning_site (site, region)
        SELECT DISTINCT ON (site) site, region
        FROM said
        ORDER BY site, region
        ON CONFLICT DO NOTHING
    ),
    moved AS (
        INSERT INTO planning_delta (key, region, order_key, item, site, day, kind, packs, promised_on, accepted_at)
        SELECT key, region, %(order)s, item, site, site_day(occurred_at, site), kind, packs, promised_on, accepted_at
        FROM said
        ON CONFLICT DO NOTHING
    )
    SELECT pg_notify('{CHANNEL}', '')
"""


async def buffer(connection: Connection, order_key: str, deltas: tuple[PlanningDelta, ...]) -> None:
    """Keep these movements for the planning feed and wake it; those that are known stay as they are."""
    packs: Counter[tuple[int, str]] = Counter()
    for n, delta in enumerate(deltas):
        for movement in delta.movements:
            packs[n, movement.item] += movement.quantity
    if not packs:
        return
    parts = [(deltas[n], item, quantity) for (n, item), quantity in packs.items()]
    await connection.execute(BUFFER.encode(), {"order": order_key, **MOVEMENTS.arrays(parts)})


async def write(connection: Connection, scope: StepScope, change: PlanningMoved) -> None:
    """Keep the movements of a step."""
    await buffer(connection, scope.order, change.deltas)
