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
from store import ledger
from store.engine import Connection

UNDONE = "/undone"
_RISING = list(OrderStatus)


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
    booked = await _booked(connection, record)
    undone = booked.get(_key(record)) != record.moves
    if undone:
        lost = [
            StockMove(key=f"{key}{UNDONE}", kind="undone", source="order", ref=record.order, moves=_reverse(moves))
            for key, moves in booked.items()
        ]
        await ledger.hold(
            connection, ((item, at) for moves in (record.moves, *booked.values()) for at in moves for item in moves[at])
        )
        await ledger.book(connection, lost)
    cursor = await connection.execute(
        "SELECT order_status FROM effect WHERE order_key = %s AND version > %s AND order_status IS NOT NULL",
        (record.order, record.base),
    )
    told = [OrderStatus(row["order_status"]) for row in await cursor.fetchall()]
    return TakenBack(max(told, key=_RISING.index, default=None), undone)


async def movement_key(connection: Connection, record: StepRecord) -> str:
    """The key under which a step's movement is booked: another one after each time that it was undone."""
    if record.base is None:
        return _key(record)
    cursor = await connection.execute(
        "SELECT count(*) AS undone FROM stock_move WHERE ref = %s AND kind = 'undone' AND starts_with(key, %s)",
        (record.order, f"{_key(record)}/"),
    )
    row = await cursor.fetchone()
    return f"{_key(record)}/{row['undone'] + 1}" if row and row["undone"] else _key(record)


def not_below(status: OrderStatus | None, told: OrderStatus | None) -> OrderStatus | None:
    """The status to tell: another system is never told less than it may have heard."""
    return max(status, told, key=_RISING.index) if status and told else status


def _key(record: StepRecord) -> str:
    return f"{record.order}/v{record.version}"


async def _booked(connection: Connection, record: StepRecord) -> dict[str, Moves]:
    """The movements of steps beyond the base that have not been undone, by key."""
    cursor = await connection.execute(
        "SELECT m.key, e.place, e.item, e.packs FROM stock_move m JOIN stock_entry e ON e.move_key = m.key "
        "WHERE m.ref = %s AND m.source = 'order' AND m.kind = 'step' "
        "AND split_part(substr(m.key, length(m.ref) + 3), '/', 1)::int > %s "
        f"AND NOT EXISTS (SELECT FROM stock_move u WHERE u.key = m.key || '{UNDONE}')".encode(),
        (record.order, record.base),
    )
    found: dict[str, Moves] = defaultdict(dict)
    for row in await cursor.fetchall():
        found[row["key"]].setdefault(row["place"], {})[row["item"]] = int(row["packs"])
    return found


def _reverse(moves: Moves) -> Moves:
    return {at: {item: -packs for item, packs in items.items()} for at, items in moves.items()}
