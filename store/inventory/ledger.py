"""The stock ledger: every accepted movement, booked once, and what follows from it: how many packs are where.

A trigger refuses a movement whose sides do not sum to zero, and keeps the balances; nothing else writes them.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from schemas.inventory.stock import Figure, Moves, StockMove, StockMoved, entries
from schemas.workflows.steps import WorkflowStep
from store.changes import StepScope
from store.engine import Connection
from store.inventory.valuing import Held, Worth, shares
from store.planning.planning import CHANNEL
from store.planning.positions import TELL

BOOK = f"""
    WITH known AS (
        INSERT INTO stock_move (key, kind, source, ref, occurred_at, workflow_id, version)
        VALUES (%s, %s, %s, %s, coalesce(%s, clock_timestamp()), %s, %s)
        ON CONFLICT DO NOTHING
        RETURNING key, ref, occurred_at
    ),
    sides AS (
        INSERT INTO stock_entry (move_key, place, item, packs, amount, occurred_at)
        SELECT known.key, p, i, q, coalesce(a, q * v.value, 0), known.occurred_at
        FROM known
        CROSS JOIN unnest(%s::text[], %s::text[], %s::bigint[], %s::numeric[]) AS x(p, i, q, a)
        LEFT JOIN unit_value v ON v.ref = known.ref AND v.item = i
        ORDER BY i, p
        RETURNING place, item, packs
    ),
    told AS ({TELL})
    SELECT count(*) AS fresh, pg_notify('{CHANNEL}', '')
    FROM known
""".encode()
"""Books a movement, and buffers what planning must know of it. Where no amount is said, packs have their price."""
WORTH = """
    SELECT v.item, v.value, v.packs
    FROM unit_value v
    JOIN order_view o ON o.key = v.ref
    WHERE v.ref = %s AND v.item = ANY(%s) AND v.packs > 1
    FOR NO KEY UPDATE OF o
"""
"""Items that have the value of an order's lines, not a price of each pack. Movements of one order wait for each other."""
HELD = """
    SELECT e.item, e.place, sum(e.packs)::bigint AS packs, sum(e.amount) AS amount
    FROM stock_move m
    JOIN stock_entry e ON e.move_key = m.key
    WHERE m.ref = %s AND e.item = ANY(%s)
    GROUP BY 1, 2
"""


async def book(connection: Connection, movements: Iterable[StockMove]) -> int:
    """Book movements; those that are known stay as they are. How many were new, also when they moved nothing. Raises
    psycopg's CheckViolation when the sides of one do not sum to zero."""
    fresh = 0
    for it in movements:
        cursor = await connection.execute(
            BOOK,
            (it.key, it.kind, it.source, it.ref, it.occurred_at, "", 0, *await _sides(connection, it.ref, it.moves)),
        )
        row = await cursor.fetchone()
        fresh += row["fresh"] if row else 0
    return fresh


LAST_VERSION = 2**31 - 1
"""The highest version that the column holds."""


class Booking(NamedTuple):
    """What a step of a workflow books, under `key`: beyond the version `base` and up to `upto`, these moves in all.

    `repeated`: steps beyond the base were written before, by an attempt that was superseded or by this one.
    """

    workflow: str
    key: str
    source: str
    ref: str
    base: int
    version: int
    upto: int
    repeated: bool
    moves: Moves

    def beyond(self) -> "Booking":
        """Nothing is wanted beyond the step: what a superseded attempt booked there is reversed."""
        after = self.version + 1
        return self._replace(key=f"{self.key}/beyond", base=self.version, version=after, upto=LAST_VERSION, moves={})


def booking_of(step: WorkflowStep[Any], key: str, source: str, moves: Moves, *, repeated: bool) -> Booking:
    """The booking of a step under the stem of its workflow's keys. A repeated step has a key of its own."""
    task = step.task
    attempt = f"/{task.run}.{task.at}" if repeated else ""
    name = f"{key}/v{step.version}{attempt}"
    return Booking(
        workflow=task.workflow,
        key=name,
        source=source,
        ref=task.subject,
        base=step.base,
        version=step.version,
        upto=step.version,
        repeated=repeated,
        moves=moves,
    )


def booking_in(scope: StepScope, moves: Moves) -> Booking:
    """What a step books of such moves, under its own stem."""
    return booking_of(scope.step, scope.stem, scope.source, moves, repeated=scope.again)


async def write(connection: Connection, scope: StepScope, change: StockMoved) -> None:
    """Book how stock moved in a step."""
    scope.booked = await post_movements(connection, booking_in(scope, change.moves))


async def post_movements(connection: Connection, it: Booking) -> Moves:
    """Book the difference between what is wanted beyond the base, and what is booked there already; that difference."""
    if not it.repeated:
        return await _book(connection, it, it.moves)
    there = await _book(connection, it, difference(it.moves, await _booked(connection, it)))
    after = it.beyond()
    reversed = await _book(connection, after, difference({}, await _booked(connection, after)))
    return difference(there, difference({}, reversed))


async def _book(connection: Connection, it: Booking, moves: Moves) -> Moves:
    if moves:
        known = (it.key, "step", it.source, it.ref, None, it.workflow, it.version)
        await connection.execute(BOOK, (*known, *await _sides(connection, it.ref, moves)))
    return moves


def difference(wanted: Moves, booked: Moves) -> Moves:
    """The moves that are missing to reach the wanted totals."""
    left = Counter({(x.place, x.item): x.packs for x in entries(wanted)})
    left.subtract({(x.place, x.item): x.packs for x in entries(booked)})
    found: Moves = {}
    for (there, item), packs in sorted(left.items()):
        if packs:
            found.setdefault(there, {})[item] = packs
    return found


async def _booked(connection: Connection, it: Booking) -> Moves:
    cursor = await connection.execute(
        """
        SELECT e.place, e.item, sum(e.packs)::bigint AS packs
        FROM stock_move m
        JOIN stock_entry e ON e.move_key = m.key
        WHERE m.workflow_id = %s AND m.version > %s AND m.version <= %s
        GROUP BY 1, 2
        """,
        (it.workflow, it.base, it.upto),
    )
    found: Moves = {}
    for row in await cursor.fetchall():
        found.setdefault(row["place"], {})[row["item"]] = row["packs"]
    return found


async def hold(connection: Connection, figures: Iterable[tuple[str, str]]) -> None:
    """Lock the balances of these (item, place), in the order in which every movement locks them, until the transaction
    ends: for who books several movements in one."""
    pairs = sorted(set(figures))
    await connection.execute(
        """
        SELECT
        FROM stock_balance
        JOIN unnest(%s::text[], %s::text[]) AS x(item, place) USING (item, place)
        ORDER BY item, place
        FOR UPDATE OF stock_balance
        """,
        ([item for item, _ in pairs], [name for _, name in pairs]),
    )


async def set_values(connection: Connection, ref: str, currency: str, worth: Mapping[str, Worth]) -> None:
    """Set the value of each item in an order's movements; a known value stays."""
    if worth:
        await connection.execute(
            """
            INSERT INTO unit_value (ref, item, value, packs, currency)
            SELECT %s, i, v, p, %s
            FROM unnest(%s::text[], %s::numeric[], %s::bigint[]) AS x(i, v, p)
            ON CONFLICT DO NOTHING
            """,
            (ref, currency, list(worth), [x.value for x in worth.values()], [x.packs for x in worth.values()]),
        )


async def _sides(
    connection: Connection, ref: str, moves: Moves
) -> tuple[list[str], list[str], list[int], list[Decimal | None]]:
    found = list(entries(moves))
    amounts = await _amounts(connection, ref, found)
    return (
        [x.place for x in found],
        [x.item for x in found],
        [x.packs for x in found],
        [amounts.get((x.item, x.place)) for x in found],
    )


async def _amounts(connection: Connection, ref: str, sides: list[Figure]) -> dict[tuple[str, str], Decimal]:
    """By (item, place): what the sides of a movement are worth that take shares of an order's value."""
    cursor = await connection.execute(WORTH, (ref, sorted({x.item for x in sides})))
    worth = {row["item"]: Worth(row["value"], row["packs"]) for row in await cursor.fetchall()}
    if not worth:
        return {}
    cursor = await connection.execute(HELD, (ref, sorted(worth)))
    held: defaultdict[str, dict[str, Held]] = defaultdict(dict)
    for row in await cursor.fetchall():
        held[row["item"]][row["place"]] = Held(row["packs"], row["amount"])
    moved: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for x in sides:
        moved[x.item][x.place] = x.packs
    return {
        (item, place): amount
        for item, of in worth.items()
        for place, amount in shares(of, held[item], moved[item]).items()
    }


async def balances(connection: Connection, item: str | None = None) -> list[dict[str, Any]]:
    """(item, place, packs) of every place that is not empty."""
    cursor = await connection.execute(
        """
        SELECT item, place, packs
        FROM stock_balance
        WHERE packs <> 0 AND (%(item)s::text IS NULL OR item = %(item)s)
        ORDER BY item, place
        """,
        {"item": item},
    )
    return await cursor.fetchall()


async def audit(connection: Connection) -> list[dict[str, Any]]:
    """Balances that are not the sum of their entries, and items that do not sum to zero; empty when all is well."""
    cursor = await connection.execute(
        """
        SELECT item, place, coalesce(b.packs, 0) AS balance, coalesce(e.packs, 0) AS entries
        FROM stock_balance b
        FULL JOIN (SELECT item, place, sum(packs) AS packs FROM stock_entry GROUP BY 1, 2) e
            USING (item, place)
        WHERE coalesce(b.packs, 0) <> coalesce(e.packs, 0)
        UNION ALL
        SELECT item, '', sum(packs), 0
        FROM stock_balance
        GROUP BY item
        HAVING sum(packs) <> 0
        """
    )
    return await cursor.fetchall()
