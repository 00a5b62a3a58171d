"""The overview of the control tower: figures, health of the connected systems, what needs attention. Read-only, no
names."""

from dataclasses import dataclass
from datetime import date, datetime

from store.engine import Connection
from store.rows import rows

HEALTH_WINDOW_S = 60
"""A system's figures are of the effects done in this time."""
BUCKET_S, BUCKETS = 10, 30
"""Throughput is counted in this many buckets of this many seconds."""
RECENT_MESSAGES = 20_000
"""Throughput looks at no more than the newest messages: the inbox keeps them for ever."""
PLANNING_PATIENCE_S = 30
"""A delta that planning has not been sent for this long counts as failing."""
ATTENTION, ACTIVITY = 40, 40
"""At most this many entries in each list."""


@dataclass(frozen=True)
class Totals:
    """Counts over everything. `at_risk`: on their way, with a condition. `late`: delivered after the first promise."""

    orders: int
    in_flight: int
    delivered: int
    on_time: int
    late: int
    delayed: int
    at_risk: int
    quarantined: int
    waiting: int
    owed: int
    refused: int

    @property
    def punctuality(self) -> float | None:
        """Share of the delivered orders that came whole and by the first promise, in percent; None before the first."""
        return 100 * self.on_time / self.delivered if self.delivered else None


@dataclass(frozen=True)
class SystemHealth:
    """A kind of system: effects done in the last minute, how long they took (median), open effects that failed."""

    system: str
    done: int
    median_ms: float | None
    failing: int
    owed: int


@dataclass(frozen=True)
class StatusCount:
    """Orders with one status, and how many of them have a condition."""

    status: str
    orders: int
    off_track: int


@dataclass(frozen=True)
class Attention:
    """An order that needs a look. `severity` 3: somebody must act; 2: Syncline is retrying; 1: late or irregular."""

    key: str
    number: str
    status: str
    conditions: list[str]
    priority: int
    site: str
    region: str
    carrier: str | None
    first_promised_on: date | None
    promised_on: date | None
    value: float | None
    currency: str | None
    refused: int
    failing: int
    origin: str | None
    error: str | None
    severity: int

    @property
    def days_late(self) -> int:
        """By how many days the newest promise misses the first."""
        if self.promised_on is None or self.first_promised_on is None:
            return 0
        return (self.promised_on - self.first_promised_on).days


@dataclass(frozen=True)
class TimeSlice:
    """Messages accepted and orders closed in `BUCKET_S` seconds from `at`."""

    at: datetime
    messages: int
    closed: int


@dataclass(frozen=True)
class Activity:
    """A milestone that was reported on an order, and what became of the report."""

    order_key: str
    kind: str
    shipment: str
    partner: str
    state: str
    received_at: datetime


async def totals(connection: Connection) -> Totals:
    """Counts over everything."""
    [found] = await rows(
        connection,
        Totals,
        """
        SELECT o.*, p.on_time, p.late, m.quarantined, m.waiting, e.owed, e.refused
        FROM (
            SELECT count(*) AS orders, count(*) FILTER (WHERE closed_at IS NULL) AS in_flight,
                count(*) FILTER (WHERE status IN ('delivered', 'closed')) AS delivered,
                count(*) FILTER (
                    WHERE closed_at IS NULL AND status <> 'delivered' AND 'delayed' = ANY(conditions)
                ) AS delayed,
                count(*) FILTER (
                    WHERE closed_at IS NULL AND status <> 'delivered' AND conditions <> '{}'
                ) AS at_risk
            FROM order_view
        ) o,
            (
                SELECT count(*) FILTER (WHERE on_time) AS on_time, count(*) FILTER (WHERE late) AS late
                FROM (
                    SELECT bool_and(delivered = ordered AND delivered_on <= l.first_promised_on) AS on_time,
                        bool_or(delivered_on > l.first_promised_on) AS late
                    FROM order_line_view l
                    JOIN order_view v ON v.key = l.order_key
                    WHERE v.status IN ('delivered', 'closed')
                    GROUP BY order_key
                ) x
            ) p,
            (
                SELECT count(*) AS quarantined, count(waiting_for) AS waiting
                FROM inbox_message
                WHERE state = 'quarantined'
            ) m,
            (
                SELECT count(*) FILTER (WHERE outcome = 'planned') AS owed,
                    count(*) FILTER (WHERE outcome = 'failed') AS refused
                FROM effect
                WHERE outcome <> 'done'
            ) e
        """,
    )
    return found


async def health(connection: Connection) -> list[SystemHealth]:
    """The four kinds of system that Syncline acts on."""
    return await rows(
        connection,
        SystemHealth,
        """
        WITH told AS (
            SELECT system, outcome <> 'done' AND error IS NOT NULL AS failing, outcome, done_at,
                done_at - accepted_at AS took
            FROM effect
            WHERE outcome = 'planned' OR done_at > now() - make_interval(secs => %(window)s)
            UNION ALL
            SELECT 'planning', sent_at IS NULL AND created_at < now() - make_interval(secs => %(patience)s),
                CASE WHEN sent_at IS NULL THEN 'planned' ELSE 'done' END, sent_at, sent_at - accepted_at
            FROM planning_delta
            WHERE sent_at IS NULL OR sent_at > now() - make_interval(secs => %(window)s)
            UNION ALL
            SELECT 'planning', changed_at < now() - make_interval(secs => %(patience)s), 'planned', NULL, NULL
            FROM order_demand
            WHERE told_revision < revision
        )
        SELECT s.system, count(done_at) FILTER (WHERE outcome = 'done') AS done,
            1000 * extract(
                epoch FROM percentile_cont(0.5) WITHIN GROUP (ORDER BY took) FILTER (WHERE outcome = 'done')
            )::float8 AS median_ms,
            count(*) FILTER (WHERE failing) AS failing, count(*) FILTER (WHERE outcome = 'planned') AS owed
        FROM unnest(ARRAY['erp', 'wms', 'tms', 'planning']) WITH ORDINALITY AS s(system, place)
        LEFT JOIN told USING (system)
        GROUP BY s.system, s.place
        ORDER BY s.place
        """,
        {"window": HEALTH_WINDOW_S, "patience": PLANNING_PATIENCE_S},
    )


async def flow(connection: Connection) -> list[StatusCount]:
    """Orders by status."""
    return await rows(
        connection,
        StatusCount,
        """
        SELECT status, count(*) AS orders, count(*) FILTER (WHERE conditions <> '{}') AS off_track
        FROM order_view
        GROUP BY status
        """,
    )


async def attention(connection: Connection) -> list[Attention]:
    """Orders to look at, by severity, then days late, priority and value."""
    return await rows(
        connection,
        Attention,
        """
        WITH trouble AS (
            SELECT order_key, count(*) FILTER (WHERE outcome = 'failed') AS refused,
                count(*) FILTER (WHERE outcome = 'planned') AS failing, max(origin) AS origin,
                max(error) AS error
            FROM effect
            WHERE outcome = 'failed' OR (outcome = 'planned' AND error IS NOT NULL)
            GROUP BY order_key
        )
        SELECT key, number, status, conditions, priority, site, region, carrier, first_promised_on,
            promised_on, release->>'currency' AS currency,
            (
                SELECT sum((l->>'value')::numeric)
                FROM jsonb_array_elements(release->'lines') l
            )::float8 AS value,
            coalesce(refused, 0) AS refused, coalesce(failing, 0) AS failing, origin, error,
            CASE
                WHEN refused > 0 THEN 3
                WHEN failing > 0 OR 'exception' = ANY(conditions) THEN 2
                ELSE 1
            END AS severity
        FROM order_view o
        LEFT JOIN trouble t ON t.order_key = o.key
        WHERE t.order_key IS NOT NULL OR (closed_at IS NULL AND conditions <> '{}')
        ORDER BY severity DESC, promised_on - first_promised_on DESC NULLS LAST, priority,
            value DESC NULLS LAST, key LIMIT %(limit)s
        """,
        {"limit": ATTENTION},
    )


async def throughput(connection: Connection) -> list[TimeSlice]:
    """The last full buckets, oldest first."""
    return await rows(
        connection,
        TimeSlice,
        """
        WITH clock AS (SELECT date_bin(make_interval(secs => %(bucket)s), now(), 'epoch') AS ended),
        m AS (
            SELECT date_bin(make_interval(secs => %(bucket)s), received_at, 'epoch') AS at, count(*) AS n
            FROM inbox_message
            WHERE id > (SELECT max(id) FROM inbox_message) - %(recent)s
            GROUP BY 1
        ),
        c AS (
            SELECT date_bin(make_interval(secs => %(bucket)s), closed_at, 'epoch') AS at, count(*) AS n
            FROM order_view, clock
            WHERE closed_at >= ended - make_interval(secs => %(bucket)s * %(buckets)s)
            GROUP BY 1
        )
        SELECT t.at, coalesce(m.n, 0) AS messages, coalesce(c.n, 0) AS closed
        FROM clock,
            generate_series(
                ended - make_interval(secs => %(bucket)s * %(buckets)s),
                ended - make_interval(secs => %(bucket)s), make_interval(secs => %(bucket)s)
            ) AS t(at)
        LEFT JOIN m USING (at)
        LEFT JOIN c USING (at)
        ORDER BY t.at
        """,
        {"bucket": BUCKET_S, "buckets": BUCKETS, "recent": RECENT_MESSAGES},
    )


async def activity(connection: Connection) -> list[Activity]:
    """The newest milestones, newest first."""
    return await rows(
        connection,
        Activity,
        """
        SELECT o.order_key, e.kind, e.shipment, e.partner, o.state, e.received_at
        FROM event e
        JOIN event_order o ON o.event = e.id
        ORDER BY e.id DESC, o.order_key LIMIT %(limit)s
        """,
        {"limit": ACTIVITY},
    )
