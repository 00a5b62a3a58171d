"""The re-plan governor's books: what planners were asked per item and site. `store.planning.projections` has what moved."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any

from schemas.ids import StockProposalKey
from schemas.planning.governor import PlanDecision, Precision, Question, StockProposalView, StockReplan
from store.batches import RowBatch
from store.engine import Connection

VIEW = """
    'stock/' || id AS id, region, item, site, packs, day, slipped_days, causes, summary, item_class, state,
    raised_at, expires_at, decided_by, decided_at, decision_reason, override_day, override_packs, told_at,
    refused
"""
"""The columns of `StockProposalView`."""


ASKED = RowBatch[StockReplan](
    item="text",
    site="text",
    packs="bigint",
    day="date",
    slipped_days="int",
    causes=("jsonb", lambda it: [cause.model_dump(mode="json") for cause in it.causes]),
    summary="text",
    item_class="text",
)


async def questions(connection: Connection, region: str) -> list[Question]:
    """Open proposals of a region. Nobody decides on them until the transaction ends."""
    cursor = await connection.execute(
        """
        SELECT id, item, site, raised_at, causes
        FROM stock_proposal
        WHERE region = %s AND state = 'open'
        ORDER BY id
        FOR UPDATE
        """,
        (region,),
    )
    return [Question.model_validate(row) for row in await cursor.fetchall()]


async def propose(
    connection: Connection, region: str, found: Iterable[StockReplan], now: datetime, ttl_s: float
) -> None:
    """Put re-plans before the planner. An item and site that are asked about already must have been withdrawn."""
    expires_at = now + timedelta(seconds=ttl_s)
    await connection.execute(
        f"""
        INSERT INTO stock_proposal ({ASKED.names}, region, raised_at, expires_at)
        SELECT x.*, %(region)s, %(now)s, %(expires_at)s
        FROM {ASKED.rows}
        """.encode(),
        {"region": region, "now": now, "expires_at": expires_at, **ASKED.arrays(found)},
    )


async def withdraw(connection: Connection, numbers: Iterable[int], now: datetime) -> None:
    """Take these back: the change has gone back, or another question takes their place."""
    await connection.execute(
        """
        UPDATE stock_proposal
        SET state = 'withdrawn', decided_at = %s
        WHERE id = ANY(%s) AND state = 'open'
        """,
        (now, list(numbers)),
    )


async def expire(connection: Connection, region: str, now: datetime) -> int:
    """Close what nobody has decided in time; how many. The plan stays, so a change that lasts is asked about anew."""
    cursor = await connection.execute(
        """
        UPDATE stock_proposal
        SET state = 'expired', decided_at = %s
        WHERE region = %s AND state = 'open' AND expires_at <= %s
        """,
        (now, region, now),
    )
    return cursor.rowcount


async def decide(
    connection: Connection,
    number: int,
    state: str,
    by: str,
    reason: str,
    day: date | None = None,
    packs: int | None = None,
) -> StockProposalView | None:
    """A planner's decision; the same one again changes nothing. None: there is no such proposal. The plan goes by what was
    proposed from now on, or is known to be kept: either way nobody is asked about it again. Needs a transaction.

    Raises ValueError with its state when it was decided otherwise, has expired or was withdrawn.
    """
    cursor = await connection.execute(
        """
        WITH decided AS (
            UPDATE stock_proposal
            SET state = %(state)s, decided_by = %(by)s, decided_at = clock_timestamp(),
                decision_reason = %(reason)s, override_day = %(day)s, override_packs = %(packs)s
            WHERE id = %(id)s AND state = 'open'
            RETURNING item, site, causes
        ),
        planned AS (
            INSERT INTO seen_projection (item, site, source, packs, day)
            SELECT item, site, c.source, c.to_packs, c.to_day
            FROM decided, jsonb_to_recordset(causes) AS c(source text, to_packs bigint, to_day date)
            WHERE c.to_day IS NOT NULL
            ON CONFLICT (item, site, source) DO UPDATE
            SET packs = excluded.packs, day = excluded.day, changed_at = NULL
        )
        SELECT
        FROM decided
        """,
        {"state": state, "by": by, "reason": reason, "day": day, "packs": packs, "id": number},
    )
    found = await listing(connection, open_only=False, number=number)
    if not found:
        return None
    [view] = found
    known = (view.state, view.decided_by, view.override_day, view.override_packs)
    if not cursor.rowcount and known != (state, by, day, packs):
        raise ValueError(view.state)
    return view


async def unreported(connection: Connection, region: str, limit: int) -> list[PlanDecision]:
    """Decisions that planning has not got, the oldest first."""
    cursor = await connection.execute(
        """
        SELECT 'stock/' || id AS proposal, item, site, region, state AS verdict, causes,
            override_packs AS packs, override_day AS day, decision_reason AS reason, decided_by, decided_at
        FROM stock_proposal
        WHERE region = %s
            AND state IN ('accepted', 'rejected', 'overridden')
            AND told_at IS NULL
            AND refused IS NULL
        ORDER BY stock_proposal.id LIMIT %s
        """,
        (region, limit),
    )
    return [PlanDecision.model_validate(row) for row in await cursor.fetchall()]


async def mark_reported(connection: Connection, proposal: str, refused: str | None = None) -> None:
    """Planning has a decision, or would not take it for this rule."""
    await connection.execute(
        "UPDATE stock_proposal SET told_at = clock_timestamp(), refused = %s WHERE id = %s",
        (refused, StockProposalKey.parse(proposal).number),
    )


async def listing(
    connection: Connection,
    *,
    open_only: bool = True,
    region: str | None = None,
    limit: int = 100,
    number: int | None = None,
) -> list[StockProposalView]:
    """Proposals, the newest first."""
    cursor = await connection.execute(
        f"""
        SELECT {VIEW}
        FROM stock_proposal
        WHERE (NOT %(open_only)s OR state = 'open')
            AND (%(region)s::text IS NULL OR region = %(region)s)
            AND (%(number)s::bigint IS NULL OR id = %(number)s)
        ORDER BY raised_at DESC, stock_proposal.id DESC LIMIT %(limit)s
        """.encode(),
        {"open_only": open_only, "region": region, "limit": limit, "number": number},
    )
    return [StockProposalView.model_validate(row) for row in await cursor.fetchall()]


async def over(connection: Connection, region: str | None, limit: int) -> list[StockProposalView]:
    """Proposals that were decided or have expired, the newest first."""
    cursor = await connection.execute(
        f"""
        SELECT {VIEW}
        FROM stock_proposal
        WHERE state NOT IN ('open', 'withdrawn') AND (%(region)s::text IS NULL OR region = %(region)s)
        ORDER BY decided_at DESC LIMIT %(limit)s
        """.encode(),
        {"region": region, "limit": limit},
    )
    return [StockProposalView.model_validate(row) for row in await cursor.fetchall()]


async def precision(connection: Connection, region: str | None = None, weeks: int = 8) -> list[Precision]:
    """Re-plan precision by week, of proposals per order and per item and site together.

    It is accepted ÷ proposals: one that expired counts, because it was put before planners for nothing. One that was
    withdrawn does not: it went away by itself, or another took its place.
    """
    cursor = await connection.execute(
        """
        SELECT date_trunc('week', decided_at)::date AS week,
            count(*) FILTER (WHERE state = 'accepted')::int AS accepted,
            count(*) FILTER (WHERE state IN ('accepted', 'rejected', 'overridden'))::int AS decided,
            count(*) FILTER (WHERE state = 'expired')::int AS expired
        FROM (
            SELECT region, state, decided_at FROM stock_proposal
            UNION ALL
            SELECT region, state, decided_at FROM replan_proposal
        ) p
        WHERE decided_at IS NOT NULL
            AND state <> 'withdrawn'
            AND (%(region)s::text IS NULL OR region = %(region)s)
        GROUP BY 1
        ORDER BY 1 DESC LIMIT %(weeks)s
        """,
        {"region": region, "weeks": weeks},
    )
    rows: list[dict[str, Any]] = await cursor.fetchall()
    return [Precision(**row, precision=row["accepted"] / (row["decided"] + row["expired"])) for row in rows]
