"""Work lists of the control tower: open cases and re-plan proposals. Read-only, no names."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from store.engine import Connection
from store.rows import rows

WORK_LIST, OPEN, DECIDED = 200, 100, 50
"""At most this many cases, open proposals and decided proposals in a list."""
_VALUE = "(SELECT sum((l->>'value')::numeric) FROM jsonb_array_elements(release->'lines') l)::float8"


@dataclass(frozen=True)
class Load:
    """Open cases of one kind on one desk. `untaken`: nobody has acknowledged them; `escalated`: past the first tier."""

    queue: str
    kind: str
    cases: int
    untaken: int
    escalated: int
    oldest_at: datetime
    next_at: datetime | None


@dataclass(frozen=True)
class OpenCase:
    """A case on the work list, with the data that decides its weight. `next_at`: when it climbs; None at its last tier.
    `site` and `priority` are those of its order: a case of a purchase order has no priority, one about books
    neither."""

    id: str
    order_key: str
    site: str | None
    priority: int | None
    kind: str
    state: str
    tier: int
    queue: str
    assignee: str
    summary: str
    reopened: int
    opened_at: datetime
    next_at: datetime | None


@dataclass(frozen=True)
class OpenProposals:
    """Open proposals of a region."""

    region: str
    proposals: int
    oldest_at: datetime


@dataclass(frozen=True)
class WaitingProposal:
    """A proposal with the order that it is about, and what became of it."""

    id: str
    order_key: str
    number: str
    status: str
    site: str
    carrier: str | None
    priority: int
    value: float | None
    currency: str | None
    kind: str
    subject: str
    region: str
    promised_on: date
    proposed_on: date
    lines: list[dict[str, Any]]
    summary: str
    state: str
    raised_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    decision_reason: str | None

    @property
    def slip_days(self) -> int:
        """By how many days the promise would move."""
        return (self.proposed_on - self.promised_on).days


async def caseload(connection: Connection) -> list[Load]:
    """Numbers of open cases by queue and kind."""
    return await rows(
        connection,
        Load,
        """
        SELECT queue, kind, count(*) AS cases, count(*) FILTER (WHERE state = 'open') AS untaken,
            count(*) FILTER (WHERE tier > 0) AS escalated, min(opened_at) AS oldest_at,
            min(next_at) AS next_at
        FROM exception_case
        WHERE closed_at IS NULL
        GROUP BY queue, kind
        ORDER BY queue, kind
        """,
    )


async def open_cases(connection: Connection, queue: str, kind: str) -> list[OpenCase]:
    """The work list of a desk and kind (empty: of all): the highest tier first, then what climbs next, then the oldest."""
    return await rows(
        connection,
        OpenCase,
        """
        SELECT c.id, order_key, coalesce(o.site, p.site) AS site, o.priority, kind, state, tier, queue,
            assignee, summary, reopened, opened_at, next_at
        FROM exception_case c
        LEFT JOIN order_view o ON o.key = order_key
        LEFT JOIN purchase_order p ON p.key = order_key
        WHERE c.closed_at IS NULL AND %(queue)s IN ('', queue) AND %(kind)s IN ('', kind)
        ORDER BY tier DESC, next_at NULLS LAST, opened_at, c.id LIMIT %(limit)s
        """,
        {"queue": queue, "kind": kind, "limit": WORK_LIST},
    )


async def asked(connection: Connection) -> list[OpenProposals]:
    """Numbers of waiting proposals by region."""
    return await rows(
        connection,
        OpenProposals,
        """
        SELECT region, count(*) AS proposals, min(raised_at) AS oldest_at
        FROM (
            SELECT region, raised_at FROM replan_proposal WHERE state = 'open'
            UNION ALL
            SELECT region, raised_at FROM stock_proposal WHERE state = 'open'
        ) p
        GROUP BY region
        ORDER BY region
        """,
    )


async def open_proposals(connection: Connection, region: str) -> list[WaitingProposal]:
    """Open proposals of a region (empty: anywhere): the most urgent order first, then the longest slip."""
    return await _proposals(
        connection, "state = 'open'", "priority, proposed_on - p.promised_on DESC, raised_at, p.id", region, OPEN
    )


async def decided_proposals(connection: Connection, region: str) -> list[WaitingProposal]:
    """Decided proposals of a region (empty: anywhere), the newest first."""
    return await _proposals(connection, "state <> 'open'", "decided_at DESC NULLS LAST, p.id", region, DECIDED)


async def _proposals(
    connection: Connection, condition: str, arrangement: str, region: str, limit: int
) -> list[WaitingProposal]:
    return await rows(
        connection,
        WaitingProposal,
        f"""
        SELECT p.id, order_key, number, status, site, carrier, priority, kind, subject, p.region,
            p.promised_on, proposed_on, p.lines, summary, state, raised_at, decided_by, decided_at,
            decision_reason, release->>'currency' AS currency, {_VALUE} AS value
        FROM replan_proposal p
        JOIN order_view o ON o.key = order_key
        WHERE {condition} AND %(region)s IN ('', p.region)
        ORDER BY {arrangement} LIMIT %(limit)s
        """,
        {"region": region, "limit": limit},
    )
