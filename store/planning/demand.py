"""Demand signals: the newest revision of each figure, compared with what was known, and owed to planning while it differs."""

from collections.abc import Iterable
from datetime import date
from typing import NamedTuple

from schemas.planning.demand import Numbered, PlanningSignal, RefusedSignal, SignalKind
from store.batches import RowBatch
from store.engine import Connection

SAID_OTHERWISE = "was said otherwise in this revision: send a higher one"


class FiguresTaken(NamedTuple):
    """Row counts by outcome, and rows that contradict known ones."""

    changed: int
    unchanged: int
    superseded: int
    refused: list[RefusedSignal]


FIGURES = RowBatch[Numbered](
    kind=("text", lambda it: it.row.kind),
    customer=("text", lambda it: it.row.customer),
    item=("text", lambda it: it.row.item),
    site=("text", lambda it: it.row.site),
    day=("date", lambda it: it.row.day),
    packs=("bigint", lambda it: it.row.packs),
    revision=("int", lambda it: it.row.revision),
)


async def take_in(connection: Connection, partner: str, rows: Iterable[Numbered]) -> FiguresTaken:
    """Keep a sender's rows. Needs a transaction."""
    # One intake at a time: two revisions that meet would each be compared with what held before both.
    await connection.execute("SELECT pg_advisory_xact_lock(hashtext('demand'))")
    newest, refused, repeated, older = _within(rows)
    params = {"partner": partner, **FIGURES.arrays(newest)}
    cursor = await connection.execute(
        f"""
        SELECT x.n,
            CASE
                WHEN d.id IS NULL THEN 'changed'
                WHEN d.revision > x.revision THEN 'superseded'
                WHEN d.packs = x.packs THEN 'unchanged'
                WHEN d.revision = x.revision THEN 'refused'
                ELSE 'changed'
            END AS verdict
        FROM {FIGURES.counted}
        LEFT JOIN demand_signal d
            ON (d.item, d.site, d.day, d.kind, d.customer, d.partner)
                = (x.item, x.site, x.day, x.kind, x.customer, %(partner)s)
        """,
        params,
    )
    verdicts = {row["n"] - 1: row["verdict"] for row in await cursor.fetchall()}
    await connection.execute(
        f"""
        INSERT INTO demand_signal AS d (partner, {FIGURES.names})
        SELECT %(partner)s, {FIGURES.names}
        FROM {FIGURES.counted}
        ON CONFLICT ON CONSTRAINT demand_signal_once DO UPDATE
        SET packs = excluded.packs, revision = excluded.revision, refused = NULL, received_at = now()
        WHERE d.revision < excluded.revision
        """,
        params,
    )
    refused += [_contradicts(newest[at].n) for at, verdict in verdicts.items() if verdict == "refused"]
    count = list(verdicts.values()).count
    return FiguresTaken(count("changed"), count("unchanged") + repeated, count("superseded") + older, refused)


def _within(rows: Iterable[Numbered]) -> tuple[list[Numbered], list[RefusedSignal], int, int]:
    """The newest revision of each figure in a batch, those that contradict it, and how many repeat it or are older."""
    newest: dict[tuple[str, ...], Numbered] = {}
    refused: list[RefusedSignal] = []
    repeated = older = 0
    for it in rows:
        known = newest.setdefault(it.row.about, it)
        if known is it:
            continue
        if it.row.revision > known.row.revision:
            newest[it.row.about] = it
            older += 1
        elif it.row.revision < known.row.revision:
            older += 1
        elif it.row.packs == known.row.packs:
            repeated += 1
        else:
            refused.append(_contradicts(it.n))
    return list(newest.values()), refused, repeated, older


def _contradicts(n: int) -> RefusedSignal:
    return RefusedSignal(row=n, field="packs", rule=SAID_OTHERWISE)


class OwedFigure(NamedTuple):
    """A figure that planning has not got, and the row that holds it."""

    id: int
    signal: PlanningSignal


async def unreported(connection: Connection, region: str, limit: int) -> list[OwedFigure]:
    """Figures that planning of a region lacks, the oldest first: the newest of each only. Signals of a site without
    a region wait."""
    cursor = await connection.execute(
        """
        SELECT id, concat('demand/', id, '/r', revision) AS key, partner AS source, kind, customer, item,
            d.site, day, packs, revision
        FROM demand_signal d
        JOIN planning_site s USING (site)
        WHERE s.region = %s AND packs IS DISTINCT FROM told_packs AND refused IS NULL
        ORDER BY id LIMIT %s
        """,
        (region, limit),
    )
    return [OwedFigure(row["id"], PlanningSignal.model_validate(row)) for row in await cursor.fetchall()]


async def asking(connection: Connection, owed: list[OwedFigure]) -> None:
    """Mark figures before they are sent. Until planning has answered, nobody knows which figure it has: a figure
    that is corrected back is owed all the same."""
    await connection.execute(
        "UPDATE demand_signal SET told_packs = NULL WHERE id = ANY(%s) AND told_packs IS NOT NULL",
        ([it.id for it in owed],),
    )


async def mark_reported(connection: Connection, owed: list[OwedFigure], refused: dict[str, str]) -> None:
    """Planning has these, but for those that it refused by a rule, by their key. Figures that were corrected since are
    owed still."""
    taken = [it for it in owed if it.signal.key not in refused]
    await connection.execute(
        """
        UPDATE demand_signal d
        SET told_packs = x.packs, told_at = clock_timestamp()
        FROM unnest(%s::bigint[], %s::bigint[]) AS x(id, packs)
        WHERE d.id = x.id
        """,
        ([it.id for it in taken], [it.signal.packs for it in taken]),
    )
    kept = [it for it in owed if it.signal.key in refused]
    await connection.execute(
        """
        UPDATE demand_signal d
        SET refused = x.rule
        FROM unnest(%s::bigint[], %s::int[], %s::text[]) AS x(id, revision, rule)
        WHERE d.id = x.id AND d.revision = x.revision
        """,
        ([it.id for it in kept], [it.signal.revision for it in kept], [refused[it.signal.key] for it in kept]),
    )


async def sold(connection: Connection, item: str, site: str, begin: date, end: date) -> dict[date, int]:
    """Packs that customers of a site sold, by day in [begin, end): the newest revision of every customer's figure."""
    cursor = await connection.execute(
        """
        SELECT day, sum(packs)::bigint AS packs
        FROM demand_signal
        WHERE item = %s AND site = %s AND kind = %s AND day >= %s AND day < %s
        GROUP BY day
        """,
        (item, site, SignalKind.SELL_OUT, begin, end),
    )
    return {row["day"]: row["packs"] for row in await cursor.fetchall()}
