"""The books page of the control tower: stock by site and system, the last comparisons, differences, and the ledger's
value. Read-only.

`ledger` walks through all of the ledger: keep its result.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from psycopg.errors import QueryCanceled

from schemas.finance.reconciliation import DifferenceView
from schemas.finance.valuation import AccountBalance, InTransitDay, OpenAccrual
from store.engine import Connection
from store.finance import freight, valuation
from store.finance.reconciliation import COLUMNS
from store.rows import rows

RUNS, DIFFERENCES, SITES, ACCRUALS, BELOW = 200, 200, 200, 10, 20
"""At most this many entries in each list."""
ON_THE_WAY = ""
"""`Stand.site` of everything that is in transit."""
AT_SITE = "('on_hand', 'allocated', 'returns', 'blocked')"
STOCKED = ("erp", "wms", "planning")
"""The systems that have stock in their books."""
WHERE_AT = f"""
    CASE
        WHEN split_part(place, ':', 1) IN {AT_SITE} OR place LIKE 'site:%%' THEN split_part(place, ':', 2)
        ELSE '{ON_THE_WAY}'
    END
"""


@dataclass(frozen=True)
class LastComparison:
    """The last comparison with a system's target."""

    system: str
    target: str
    started_at: datetime
    finished_at: datetime | None
    compared: int
    differences: int
    explained: int
    error: str | None


@dataclass(frozen=True)
class DifferenceCounts:
    """Open differences, those of them that are `explained`, and how many are in which state."""

    open_now: int
    explained: int
    open: int
    waiting: int
    settled: int


@dataclass(frozen=True)
class Stand:
    """Packs at a site, or on the way, in our books; and by how much each system has more (`differs`)."""

    site: str
    ours: int
    erp: int
    wms: int
    planning: int
    differences: int


@dataclass(frozen=True)
class SiteWorth:
    """The value of a site's packs in one currency, as far as it is known."""

    site: str
    currency: str
    amount: Decimal


@dataclass(frozen=True)
class Below:
    """A place that holds less than nothing of an item, and how many places do in all."""

    item: str
    bucket: str
    which: str
    packs: int
    places: int


@dataclass(frozen=True)
class LedgerValues:
    """Values at `as_of`: accounts, goods in transit by day, freight that no carrier has invoiced, and sites."""

    as_of: datetime
    accounts: list[AccountBalance]
    in_transit: list[InTransitDay]
    accruals: list[OpenAccrual]
    worth: list[SiteWorth]


async def last_runs(connection: Connection) -> list[LastComparison]:
    """The newest comparison of each target, by system; found by hopping from one target to the next."""
    return await rows(
        connection,
        LastComparison,
        """
        WITH RECURSIVE known AS (
            (SELECT system, target FROM reconciliation_run ORDER BY system, target LIMIT 1)
            UNION ALL
            SELECT n.system, n.target
            FROM known k
            CROSS JOIN LATERAL (
                SELECT system, target
                FROM reconciliation_run r
                WHERE (r.system, r.target) > (k.system, k.target)
                ORDER BY system, target LIMIT 1
            ) n
        )
        SELECT r.*
        FROM known k
        CROSS JOIN LATERAL (
            SELECT system, target, started_at, finished_at, compared, differences, explained, error
            FROM reconciliation_run r
            WHERE (r.system, r.target) = (k.system, k.target)
            ORDER BY started_at DESC LIMIT 1
        ) r
        ORDER BY system, target LIMIT %(limit)s
        """,
        {"limit": RUNS},
    )


async def differences(connection: Connection) -> list[DifferenceView]:
    """Present differences: those for people first, then unexplained ones, then the oldest."""
    cursor = await connection.execute(
        f"""
        SELECT {COLUMNS}
        FROM difference
        WHERE closed_at IS NULL
        ORDER BY array_position(ARRAY['open', 'waiting', 'settled'], state), explained_by <> '', first_seen,
            id LIMIT %s
        """.encode(),
        (DIFFERENCES,),
    )
    return [DifferenceView.model_validate(row) for row in await cursor.fetchall()]


async def counts(connection: Connection) -> DifferenceCounts:
    """The number of open differences."""
    [found] = await rows(
        connection,
        DifferenceCounts,
        """
        SELECT count(*)::int AS open_now, count(*) FILTER (WHERE explained_by <> '')::int AS explained,
            count(*) FILTER (WHERE state = 'open')::int AS open,
            count(*) FILTER (WHERE state = 'waiting')::int AS waiting,
            count(*) FILTER (WHERE state = 'settled')::int AS settled
        FROM difference
        WHERE closed_at IS NULL
        """,
    )
    return found


async def below(connection: Connection) -> list[Below]:
    """Places at sites, or on the way, that hold less than nothing, those with the least first."""
    return await rows(
        connection,
        Below,
        f"""
        SELECT item, split_part(place, ':', 1) AS bucket, substr(place, strpos(place, ':') + 1) AS which,
            packs, count(*) OVER () AS places
        FROM stock_balance
        WHERE packs < 0 AND (split_part(place, ':', 1) IN {AT_SITE} OR place LIKE 'transit:%%')
        ORDER BY packs, item, place LIMIT %(limit)s
        """,
        {"limit": BELOW},
    )


async def stands(connection: Connection) -> list[Stand]:
    """Packs by site and what is on the way, from the balances, and by how much the systems differ from them."""
    return await rows(
        connection,
        Stand,
        f"""
        WITH ours AS (
            SELECT {WHERE_AT} AS site, sum(packs)::bigint AS packs
            FROM stock_balance
            WHERE packs <> 0 AND (split_part(place, ':', 1) IN {AT_SITE} OR place LIKE 'transit:%%')
            GROUP BY 1
        ),
        differ AS (
            SELECT {WHERE_AT} AS site, system,
                coalesce(nullif(theirs, ''), '0')::bigint - coalesce(nullif(ours, ''), '0')::bigint AS more
            FROM difference
            WHERE closed_at IS NULL AND about = 'stock'
        ),
        theirs AS (
            SELECT site, count(*) AS differences,
                {", ".join(f"sum(more) FILTER (WHERE system = '{name}') AS {name}" for name in STOCKED)}
            FROM differ
            GROUP BY 1
        )
        SELECT site, coalesce(o.packs, 0) AS ours, coalesce(t.erp, 0)::bigint AS erp,
            coalesce(t.wms, 0)::bigint AS wms, coalesce(t.planning, 0)::bigint AS planning,
            coalesce(t.differences, 0) AS differences
        FROM ours o
        FULL JOIN theirs t USING (site)
        ORDER BY site = '{ON_THE_WAY}', 2 DESC, 1 LIMIT %(limit)s
        """,
        {"limit": SITES},
    )


async def ledger(connection: Connection, days: int) -> LedgerValues | None:
    """The value of the ledger now: a walk through all of it. None when that takes longer than a statement may."""
    as_of = datetime.now(UTC)
    try:
        return LedgerValues(
            as_of=as_of,
            accounts=[AccountBalance.model_validate(row) for row in await valuation.accounts(connection)],
            in_transit=[
                InTransitDay.model_validate(row)
                for row in await valuation.in_transit(connection, as_of.date() - timedelta(days=days - 1), as_of.date())
            ],
            accruals=[OpenAccrual.model_validate(row) for row in await freight.open_ones(connection, limit=ACCRUALS)],
            worth=await _worth(connection),
        )
    except QueryCanceled:
        return None


async def _worth(connection: Connection) -> list[SiteWorth]:
    """Each site's packs at the value of their item in the order with the highest number, as `store.finance.balance.sheet` has it."""
    return await rows(
        connection,
        SiteWorth,
        f"""
        WITH worth AS (
            SELECT DISTINCT ON (item) item, value, packs AS of, currency
            FROM unit_value
            ORDER BY item, ref DESC
        )
        SELECT {WHERE_AT} AS site, currency, round(sum(packs * value / of), 4) AS amount
        FROM stock_balance
        JOIN worth USING (item)
        WHERE packs <> 0 AND (split_part(place, ':', 1) IN {AT_SITE} OR place LIKE 'transit:%%')
        GROUP BY 1, 2
        HAVING sum(packs * value / of) <> 0
        ORDER BY 1, 2 LIMIT %(limit)s
        """,
        {"limit": SITES},
    )
