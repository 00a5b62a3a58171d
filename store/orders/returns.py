"""Returns: which packs of an order may come back, and what has become of them."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from psycopg.types.json import Jsonb

from schemas.inventory.stock import StockMoved
from schemas.messaging.owed import EffectsPlanned
from schemas.orders.milestones import ShippedLine
from schemas.planning.movements import PlanningMoved
from schemas.workflow_ids import WorkflowId
from schemas.workflows.records import StepRecord
from schemas.workflows.returns import ReturnChanged, ReturnStart, ReturnState
from schemas.workflows.steps import WorkflowStep
from store import changes
from store.changes import StepScope, WritePhase, Writer, Writers
from store.engine import Connection, Database
from store.inventory import ledger
from store.messaging import effects, heads
from store.planning import movements

COLUMNS = """
    rma, state, reason, sender, by, expected, received, restocked, scrapped, overdue, version, created_at,
    updated_at, closed_at
"""
"""Columns of a return."""


async def authorise(database: Database, start: ReturnStart) -> ReturnState:
    """Decide whether these packs may come back: AUTHORISED or REFUSED. A repeat answers the same.

    A customer may return what was delivered, a carrier bring back what was shipped; neither what is coming back already.
    Decisions on one order wait for each other. Raises psycopg's ForeignKeyViolation when the order is unknown.
    """
    async with database.transaction() as connection:
        await _lock(connection, start.order)
        others = {row["rma"]: row for row in await listing(connection, start.order)}
        if known := others.get(start.rma):
            return ReturnState.REFUSED if known["state"] == ReturnState.REFUSED else ReturnState.AUTHORISED
        room = await _room(connection, start, others.values())
        state = ReturnState.AUTHORISED if _packs(start.lines) <= room else ReturnState.REFUSED
        change = ReturnChanged(
            rma=start.rma, state=state, reason=start.reason, sender=start.sender, by=start.by, expected=start.lines
        )
        await _row(connection, start.order, 0, change)
        return state


async def write(database: Database, step: WorkflowStep[StepRecord]) -> None:
    """Write a step of a return: all of it or nothing; safe to repeat. A stale step changes nothing.

    Raises LookupError for a change that nobody writes of a return.
    """
    record = step.record
    changes.refuse_unknown(record, WRITERS)
    async with database.transaction() as connection:
        await _lock(connection, record.order)
        head = await heads.begin(connection, step)
        if head is None:
            return
        stem = f"{record.order}/return/{WorkflowId.parse(step.task.workflow).rma}"
        scope = StepScope(step, heads.repeated(head, step), stem=stem, source="return")
        await changes.write(connection, scope, WRITERS, WritePhase.READING)
        async with connection.pipeline():
            await changes.write(connection, scope, WRITERS, WritePhase.PIPELINED)
            await heads.finish(connection, head, step)


async def listing(connection: Connection, order_key: str) -> list[dict[str, Any]]:
    """The returns of an order, oldest first."""
    cursor = await connection.execute(
        f"""
        SELECT {COLUMNS}
        FROM return_order
        WHERE order_key = %s
        ORDER BY created_at, rma
        """.encode(),
        (order_key,),
    )
    return await cursor.fetchall()


async def _lock(connection: Connection, order_key: str) -> None:
    """Until the transaction ends, no other return of the order is decided or counted, and no step of it written."""
    await connection.execute("SELECT FROM order_view WHERE key = %s FOR NO KEY UPDATE", (order_key,))


async def _room(connection: Connection, start: ReturnStart, others: Iterable[dict[str, Any]]) -> Counter[int]:
    """Packs of each line that may still come back: of those that left, and for a customer of those delivered."""
    cursor = await connection.execute(
        "SELECT line, shipped, delivered FROM order_line_view WHERE order_key = %s", (start.order,)
    )
    lines = await cursor.fetchall()
    coming, from_customers = Counter[int](), Counter[int]()
    for other in others:
        packs = _coming(other)
        coming += packs
        from_customers += Counter() if other["sender"] else packs
    room = Counter({row["line"]: row["shipped"] for row in lines}) - coming
    if start.sender:
        return room
    return room & (Counter({row["line"]: row["delivered"] for row in lines}) - from_customers)


def _coming(row: dict[str, Any]) -> Counter[int]:
    """Packs that come or came back with a return: those expected, and once it has ended those received."""
    lines = {ReturnState.REFUSED: (), ReturnState.CREDITED: row["received"]}.get(row["state"], row["expected"])
    return _packs(ShippedLine.model_validate(line) for line in lines)


def _packs(lines: Iterable[ShippedLine]) -> Counter[int]:
    packs = Counter[int]()
    for line in lines:
        packs[line.line] += line.quantity
    return packs


async def write_standing(connection: Connection, scope: StepScope, change: ReturnChanged) -> None:
    """Write where a return stands, and count what came back on the lines of its order."""
    await _row(connection, scope.order, scope.version, change)
    if change.received:
        await _count_returned(connection, scope.order)


async def _row(connection: Connection, order_key: str, version: int, change: ReturnChanged) -> None:
    await connection.execute(
        """
        INSERT INTO return_order AS r (
            order_key, rma, state, reason, sender, by, expected, received, restocked, scrapped, overdue,
            version, closed_at
        )
        VALUES (
            %(order)s, %(rma)s, %(state)s, %(reason)s, %(sender)s, %(by)s, %(expected)s, %(received)s,
            %(restocked)s, %(scrapped)s, %(overdue)s, %(version)s,
            CASE WHEN %(ended)s THEN clock_timestamp() END
        )
        ON CONFLICT (order_key, rma) DO UPDATE
        SET state = excluded.state, reason = excluded.reason, expected = excluded.expected,
            received = excluded.received, restocked = excluded.restocked, scrapped = excluded.scrapped,
            overdue = excluded.overdue, version = excluded.version, updated_at = clock_timestamp(),
            closed_at = coalesce(r.closed_at, excluded.closed_at)
        WHERE r.version <= excluded.version
        """,
        {
            **change.model_dump(include={"rma", "state", "reason", "sender", "by", "overdue"}),
            "order": order_key,
            "version": version,
            "expected": _document(change.expected),
            "received": _document(change.received),
            "restocked": _document(change.restocked),
            "scrapped": _document(change.scrapped),
            "ended": change.state in (ReturnState.CREDITED, ReturnState.REFUSED),
        },
    )


def _document(lines: tuple[ShippedLine, ...]) -> Jsonb:
    return Jsonb([line.model_dump(exclude_none=True) for line in lines])


async def _count_returned(connection: Connection, order_key: str) -> None:
    """Packs back of each line are those of all returns; never more than have left."""
    await connection.execute(
        """
        UPDATE order_line_view l
        SET returned = least(l.shipped, back.packs)
        FROM (
            SELECT (x->>'line')::int AS line, sum((x->>'quantity')::int) AS packs
            FROM return_order r, jsonb_array_elements(r.received) x
            WHERE r.order_key = %s
            GROUP BY 1
        ) back
        WHERE l.order_key = %s AND l.line = back.line
        """,
        (order_key, order_key),
    )


WRITERS: Writers = (
    Writer(StockMoved, ledger.write, WritePhase.READING, corrects=True),
    Writer(ReturnChanged, write_standing),
    Writer(EffectsPlanned, effects.write_beside),
    Writer(PlanningMoved, movements.write),
)
"""Who writes each kind of change of a return, in the order in which locks are taken."""
