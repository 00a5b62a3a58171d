"""Provisional steps that are due for a look at the history, one worker at a time, less and less often."""

from store.engine import Connection
from store.messaging.heads import Provisional

QUIET_S = 4.0
"""Age at which a step is looked for. The process that wrote it looks sooner, under load after three seconds; most others
are confirmed by the next step."""
AGAIN_S, MOST_S = 0.5, 60
"""Seconds between two looks at the same step: it is looked at again after 0.5, 1, 2, ... and then every so many."""


async def due(connection: Connection, limit: int) -> list[Provisional]:
    """Take steps that are old enough and not confirmed: nobody else looks at them meanwhile."""
    cursor = await connection.execute(
        f"""
        UPDATE head h
        SET looked_at = clock_timestamp(),
            looks = CASE WHEN h.looked_at > h.written_at THEN h.looks + 1 ELSE 1 END
        FROM (
            SELECT workflow_id
            FROM head
            WHERE confirmed < version
                AND run_id <> ''
                AND written_at < clock_timestamp() - make_interval(secs => {QUIET_S})
                AND (
                    looked_at IS NULL
                    OR looked_at <= written_at
                    OR looked_at < clock_timestamp() - make_interval(
                        secs => least({AGAIN_S} * 2 ^ least(looks - 1, 7), {MOST_S})
                    )
                )
            ORDER BY written_at LIMIT %s
            FOR UPDATE SKIP LOCKED
        ) found
        WHERE h.workflow_id = found.workflow_id
        RETURNING h.workflow_id, h.run, h.run_id, h.task, h.version
        """.encode(),
        (limit,),
    )
    return [Provisional(**row) for row in await cursor.fetchall()]
