"""Forecasts by version: taken in whole, compared with what held before; and what became of them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from schemas.copying import made_of
from schemas.finance.erp_feed import ErpForecast
from schemas.inventory.stock import Bucket as Place
from schemas.inventory.stock import place
from schemas.parsing import refuse
from schemas.planning.forecast import ForecastBatch, ForecastRow, ForecastTaken, PeriodLength
from store.batches import RowBatch
from store.engine import Connection
from store.rows import rows

ROWS = RowBatch[ForecastRow](item="text", site="text", period="date", packs="bigint")
LONGEST = timedelta(days=31)
"""No period is longer."""


async def take_in(
    connection: Connection, partner: str, batch: ForecastBatch
) -> tuple[ForecastTaken, list[ErpForecast]]:
    """Keep a batch; what came of it, and the rows that hold from now on and say something new. Raises `Refused`."""
    # One intake at a time: two versions that meet would each be compared with what held before both.
    await connection.execute("SELECT pg_advisory_xact_lock(hashtext('forecast'))")
    await _keep_version(connection, partner, batch)
    params: dict[str, Any] = {
        "version": batch.version,
        "made_at": batch.made_at,
        "bucket": batch.bucket,
        **ROWS.arrays(batch.rows),
    }
    await _refuse_contradictions(connection, params)
    verdicts = await _compare(connection, params)
    await connection.execute(
        f"""
        INSERT INTO forecast (version, item, site, period, bucket, made_at, packs)
        SELECT %(version)s, item, site, period, %(bucket)s, %(made_at)s, packs
        FROM {ROWS.counted}
        ON CONFLICT DO NOTHING
        """,
        params,
    )
    changed = list(_changed(batch, verdicts))
    superseded = sum(verdict == "superseded" for verdict in verdicts)
    unchanged = len(batch.rows) - len(changed) - superseded
    taken = ForecastTaken(version=batch.version, changed=len(changed), unchanged=unchanged, superseded=superseded)
    return taken, changed


async def _keep_version(connection: Connection, partner: str, batch: ForecastBatch) -> None:
    said = {"partner": partner, "bucket": batch.bucket, "made_at": batch.made_at}
    await connection.execute(
        """
        INSERT INTO forecast_version (version, partner, bucket, made_at)
        VALUES (%(version)s, %(partner)s, %(bucket)s, %(made_at)s)
        ON CONFLICT DO NOTHING
        """,
        {"version": batch.version, **said},
    )
    cursor = await connection.execute(
        "SELECT partner, bucket, made_at FROM forecast_version WHERE version = %s", (batch.version,)
    )
    known = await cursor.fetchone()
    assert known is not None
    if known["partner"] != partner:
        refuse("version", "is used by another sender")
    for field in ("bucket", "made_at"):
        if known[field] != said[field]:
            refuse(field, "must be the same in every batch of a version")


async def _refuse_contradictions(connection: Connection, params: dict[str, Any]) -> None:
    cursor = await connection.execute(
        f"""
        SELECT x.n
        FROM {ROWS.counted}
        JOIN forecast f ON f.version = %(version)s AND (f.item, f.site, f.period) = (x.item, x.site, x.period)
        WHERE f.packs <> x.packs
        ORDER BY 1 LIMIT 1
        """,
        params,
    )
    if row := await cursor.fetchone():
        refuse(f"rows[{row['n'] - 1}].packs", "was said otherwise in this version: make a new version")


async def _compare(connection: Connection, params: dict[str, Any]) -> list[str]:
    """Of each row, in their order: changed, known or superseded."""
    cursor = await connection.execute(
        f"""
        SELECT CASE
            WHEN f.version IS NULL THEN 'changed'
            WHEN f.version = %(version)s THEN 'known'
            WHEN (f.made_at, f.version) > (%(made_at)s, %(version)s::varchar) THEN 'superseded'
            WHEN f.packs = x.packs THEN 'known'
            ELSE 'changed'
        END AS verdict
        FROM {ROWS.counted}
        LEFT JOIN LATERAL (
            SELECT version, made_at, packs
            FROM forecast
            WHERE (item, site, bucket, period) = (x.item, x.site, %(bucket)s, x.period)
            ORDER BY made_at DESC, version DESC LIMIT 1
        ) f ON true
        ORDER BY x.n
        """,
        params,
    )
    return [row["verdict"] for row in await cursor.fetchall()]


def _changed(batch: ForecastBatch, verdicts: list[str]) -> Iterator[ErpForecast]:
    for row, verdict in zip(batch.rows, verdicts, strict=True):
        if verdict == "changed":
            yield made_of(
                ErpForecast,
                row,
                key=f"{batch.version}/{batch.bucket}/{row.period}/{row.site}/{row.item}",
                bucket=batch.bucket,
                version=batch.version,
                made_at=batch.made_at,
            )


async def expected(
    connection: Connection,
    item: str,
    site: str,
    bucket: PeriodLength,
    begin: date,
    end: date,
    zone: str,
    lag_days: int = 0,
) -> dict[date, int]:
    """Packs by period, of the periods that begin in [begin, end): what held so many days before each began, at midnight
    in a zone. A period of which nothing had been said by then is left out."""
    cursor = await connection.execute(
        """
        SELECT DISTINCT ON (period) period, packs
        FROM forecast
        WHERE item = %s
            AND site = %s
            AND bucket = %s
            AND period >= %s
            AND period < %s
            AND day_in(made_at, %s) < period - %s::int
        ORDER BY period, made_at DESC, version DESC
        """,
        (item, site, bucket, begin, end, zone, lag_days),
    )
    return {row["period"]: row["packs"] for row in await cursor.fetchall()}


@dataclass(frozen=True)
class PeriodForecast:
    """Packs that are expected in a period, which begins on a day."""

    bucket: str
    period: date
    packs: int


async def newest(connection: Connection, item: str, site: str, begin: date, end: date) -> list[PeriodForecast]:
    """The periods that touch [begin, end): what the newest version says of each."""
    found = await rows(
        connection,
        PeriodForecast,
        """
        SELECT DISTINCT ON (bucket, period) bucket, period, packs
        FROM forecast
        WHERE item = %(item)s AND site = %(site)s AND period > %(begin)s AND period < %(end)s
        ORDER BY bucket, period, made_at DESC, version DESC
        """,
        {"item": item, "site": site, "begin": begin - LONGEST, "end": end},
    )
    return [row for row in found if PeriodLength(row.bucket).following(row.period) > begin]


async def shipped(connection: Connection, item: str, site: str, begin: date, end: date, zone: str) -> dict[date, int]:
    """Packs that left a site for orders, by day of booking in a zone, in [begin, end). Returns are not taken off.
    Allocating, putting away and cutting stock move packs among these places, so they cancel out."""
    cursor = await connection.execute(
        """
        SELECT day, -sum(packs)::bigint AS packs
        FROM (
            SELECT day_in(e.occurred_at, %(zone)s) AS day, e.packs
            FROM stock_entry e
            JOIN stock_move m ON m.key = e.move_key
            WHERE e.item = %(item)s
                AND e.place = ANY(%(places)s)
                AND m.source = 'order'
                AND e.occurred_at >= %(begin)s::date - 1
                AND e.occurred_at < %(end)s::date + 1
        ) x
        WHERE day >= %(begin)s AND day < %(end)s
        GROUP BY 1
        """,
        {
            "zone": zone,
            "item": item,
            "places": [place(at, site) for at in (Place.ON_HAND, Place.ALLOCATED, Place.ADJUSTMENT)],
            "begin": begin,
            "end": end,
        },
    )
    return {row["day"]: row["packs"] for row in await cursor.fetchall()}


async def ordered(connection: Connection, item: str, site: str, begin: date, end: date) -> dict[date, int]:
    """Packs that orders want from a site, by the day asked for in [begin, end), without what was cancelled. An order is
    demand of the site that it was released to, whichever site sends it in the end."""
    cursor = await connection.execute(
        """
        SELECT (o.release ->> 'requested_on')::date AS day, sum(l.ordered - l.cancelled)::bigint AS packs
        FROM order_line_view l
        JOIN order_view o ON o.key = l.order_key
        WHERE l.item = %s
            AND o.site = %s
            AND o.release ->> 'requested_on' >= %s
            AND o.release ->> 'requested_on' < %s
        GROUP BY 1
        """,
        (item, site, begin.isoformat(), end.isoformat()),
    )
    return {row["day"]: row["packs"] for row in await cursor.fetchall()}
