"""The planning buffer: movements written with the step that made them, taken in bulk by the planning feed."""

from dataclasses import dataclass

from psycopg.types.json import Jsonb

from schemas.effects import PlanningDelta
from store.engine import Connection

CHANNEL = "planning"
"""PostgreSQL notification channel that wakes the planning feed."""


@dataclass(frozen=True)
class Buffered:
    """A delta that has not been sent."""

    id: int
    delta: PlanningDelta


async def buffer(connection: Connection, order_key: str, deltas: tuple[PlanningDelta, ...]) -> None:
    """Keep these movements for the planning feed and wake it; those that are known stay as they are."""
    if not deltas:
        return
    await connection.execute(
        "INSERT INTO planning_delta (key, region, order_key, body, accepted_at) SELECT k, r, %s, b, a "
        "FROM unnest(%s::text[], %s::text[], %s::jsonb[], %s::timestamptz[]) AS x(k, r, b, a) ON CONFLICT DO NOTHING",
        (
            order_key,
            [d.key for d in deltas],
            [d.region for d in deltas],
            [Jsonb(d.model_dump(mode="json")) for d in deltas],
            [d.accepted_at for d in deltas],
        ),
    )
    await connection.execute(f"NOTIFY {CHANNEL}")


async def take(connection: Connection, region: str, limit: int) -> list[Buffered]:
    """The oldest unsent deltas of a region. One feed per region reads them, so they need no lock."""
    cursor = await connection.execute(
        "SELECT id, body FROM planning_delta WHERE region = %s AND sent_at IS NULL ORDER BY id LIMIT %s",
        (region, limit),
    )
    return [Buffered(row["id"], PlanningDelta.model_validate(row["body"])) for row in await cursor.fetchall()]


async def sent(connection: Connection, ids: list[int]) -> None:
    """Planning confirmed these."""
    await connection.execute(
        "UPDATE planning_delta SET sent_at = clock_timestamp() WHERE id = ANY(%s) AND sent_at IS NULL", (ids,)
    )


async def regions(connection: Connection) -> list[str]:
    """Regions that have orders: each has a planning feed."""
    cursor = await connection.execute("SELECT DISTINCT region FROM order_view")
    return [row["region"] for row in await cursor.fetchall()]
