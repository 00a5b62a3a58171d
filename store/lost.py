"""What a lost attempt at a step left behind, taken back before the step is written.

A worker can die after a step was written and told, before Temporal recorded that it happened. The workflow then decides
again on what it knew before, and on all that arrived since: the same events may make other steps. What is keyed by the
event is the same row again; stock movements are keyed by the step, and an order's status depends on what else is known.
"""

from collections import defaultdict
from typing import NamedTuple

from schemas.orders import OrderStatus
from schemas.records import StepRecord
from schemas.stock import Moves, StockMove
from store import freight, ledger
from store.engine import Connection

UNDONE = "/undone"
_RISING = list(OrderStatus)


class Attempt(NamedTuple):
    """A step as it is booked: under `<stem>/v<version>`, decided on what was known at `base`."""

    stem: str
    ref: str
    source: str
    base: int
    version: int
    moves: Moves

    @property
    def key(self) -> str:
        """What its movement is keyed by, the first time."""
        return f"{self.stem}/v{self.version}"


class TakenBack(NamedTuple):
    """What a lost attempt had done: the furthest status that other systems may have been told, if any; and whether
    movements were undone."""

    told: OrderStatus | None = None
    undone: bool = False


async def written_beyond(connection: Connection, record: StepRecord) -> bool:
    """Whether steps were written after the state that this one was decided on: it may be decided again."""
    if record.base is None:
        return False
    cursor = await connection.execute(
        "SELECT FROM order_view WHERE key = %s AND version > %s", (record.order, record.base)
    )
    return await cursor.fetchone() is not None


async def take_back(connection: Connection, record: StepRecord) -> TakenBack:
    """Undo the movements of steps that were written after the state that this one was decided on, other than its own."""
    undone = await undo(connection, _attempt(record, record.base or 0))
    cursor = await connection.execute(
        "SELECT order_status FROM effect WHERE order_key = %s AND version > %s AND order_status IS NOT NULL",
        (record.order, record.base),
    )
    told = [OrderStatus(row["order_status"]) for row in await cursor.fetchall()]
    return TakenBack(max(told, key=_RISING.index, default=None), undone)


async def undo(connection: Connection, step: Attempt) -> bool:
    """Take back the movements of steps beyond its base, and say so, unless it is written again as it was.

    What moves nothing leaves those alone that are newer than itself: when they were lost too, the step that comes to
    where they were takes them back. So an old step that comes late undoes nothing, whether it moves stock or not.
    """
    booked = await _booked(connection, step)
    versions = {_version(step, key): moves for key, moves in booked.items()}
    if versions.get(step.version, {}) == step.moves and (step.moves or all(v > step.version for v in versions)):
        return False
    lost = [
        StockMove(key=f"{key}{UNDONE}", kind="undone", source=step.source, ref=step.ref, moves=_reverse(moves))
        for key, moves in booked.items()
    ]
    await ledger.hold(
        connection, ((item, at) for moves in (step.moves, *booked.values()) for at in moves for item in moves[at])
    )
    await ledger.book(connection, lost)
    await freight.take_back(connection, list(booked))
    return True


async def movement_key(connection: Connection, record: StepRecord) -> str:
    """The key under which a step's movement is booked."""
    return await free_key(connection, _attempt(record, record.base or 0))


async def free_key(connection: Connection, step: Attempt) -> str:
    """The key under which it is booked: another one after each time that it was undone."""
    cursor = await connection.execute(
        "SELECT count(*) AS undone FROM stock_move WHERE ref = %s AND kind = 'undone' AND starts_with(key, %s)",
        (step.ref, f"{step.key}/"),
    )
    row = await cursor.fetchone()
    return f"{step.key}/{row['undone'] + 1}" if row and row["undone"] else step.key


def not_below(status: OrderStatus | None, told: OrderStatus | None) -> OrderStatus | None:
    """The status to tell: another system is never told less than it may have heard."""
    return max(status, told, key=_RISING.index) if status and told else status


def _attempt(record: StepRecord, base: int) -> Attempt:
    return Attempt(record.order, record.order, "order", base, record.version, record.moves)


async def _booked(connection: Connection, step: Attempt) -> dict[str, Moves]:
    """The movements of steps beyond the base that have not been undone, by key."""
    cursor = await connection.execute(
        "SELECT m.key, e.place, e.item, e.packs FROM stock_move m JOIN stock_entry e ON e.move_key = m.key "
        "WHERE m.ref = %s AND m.source = %s AND m.kind = 'step' AND starts_with(m.key, %s) "
        "AND split_part(substr(m.key, %s), '/', 1)::int > %s "
        f"AND NOT EXISTS (SELECT FROM stock_move u WHERE u.key = m.key || '{UNDONE}')".encode(),
        (step.ref, step.source, f"{step.stem}/v", len(step.stem) + 3, step.base),
    )
    found: dict[str, Moves] = defaultdict(dict)
    for row in await cursor.fetchall():
        found[row["key"]].setdefault(row["place"], {})[row["item"]] = int(row["packs"])
    return found


def _version(step: Attempt, key: str) -> int:
    return int(key.removeprefix(f"{step.stem}/v").partition("/")[0])


def _reverse(moves: Moves) -> Moves:
    return {at: {item: -packs for item, packs in items.items()} for at, items in moves.items()}
