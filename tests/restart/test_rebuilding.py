"""Orders of an earlier build, which kept no snapshots: their state comes from what they were told."""

from typing import Any

import pytest

from dispatch.restarts import begun
from domain.orders import goods
from domain.orders.order_run import OrderRun
from domain.orders.state import OrderState
from domain.records.record import line_record
from store.engine import Database
from store.inventory import ledger
from store.messaging import heads

OPEN = [f"erp-main/OLD-{n}" for n in range(1, 6)]
MOVED = {OPEN[1], OPEN[3], OPEN[4]}
"""Those of which something has been picked or shipped."""


async def run_of(database: Database, key: str) -> OrderRun:
    """What a new run of an order begins with."""
    async with database.connection() as connection:
        kept = await heads.kept(connection, f"order/{key}")
    assert kept is not None
    assert kept.snapshot is None
    run = (await begun.found(database, kept)).run
    assert isinstance(run, OrderRun)
    assert run.state is not None
    assert run.state.version >= kept.version
    return run


def state_of(run: OrderRun) -> OrderState:
    """Its state."""
    assert run.state is not None
    return run.state


async def rows(database: Database, query: str, key: str) -> list[dict[str, Any]]:
    """Ask the database of an order."""
    async with database.connection() as connection:
        return await (await connection.execute(query.encode(), (key,))).fetchall()


@pytest.mark.parametrize("key", OPEN)
async def test_an_order_is_where_its_earlier_build_had_it(left_behind: Database, key: str) -> None:
    state = state_of(await run_of(left_behind, key))
    [view] = await rows(left_behind, "SELECT status, promised_on, carrier FROM order_view WHERE key = %s", key)
    assert (state.status, state.promised_on, state.carrier) == (view["status"], view["promised_on"], view["carrier"])
    written = await rows(left_behind, "SELECT * FROM order_line_view WHERE order_key = %s ORDER BY line", key)
    assert written
    for line, row in zip(state.lines, written, strict=True):
        made = line_record(state, line).model_dump()
        assert made == {name: row[name] for name in made}


@pytest.mark.parametrize("key", OPEN)
async def test_nothing_is_owed_that_was_done_and_nothing_moves_twice(left_behind: Database, key: str) -> None:
    run = await run_of(left_behind, key)
    done = await rows(left_behind, "SELECT key FROM effect WHERE order_key = %s AND outcome = 'done'", key)
    assert not {it.key for it in run.owed} & {row["key"] for row in done}
    moves = goods.moves(goods.Holdings(), goods.of_order(state_of(run)))
    assert bool(moves) == (key in MOVED)
    booking = ledger.Booking(f"order/{key}", f"{key}/again", "order", key, 0, 99, 99, True, moves)
    async with left_behind.transaction() as connection:
        assert await ledger.post_movements(connection, booking) == {}, "all of it was booked"


async def test_what_stands_beside_the_milestones_is_known(left_behind: Database) -> None:
    held, stuck = state_of(await run_of(left_behind, OPEN[3])), await run_of(left_behind, OPEN[4])
    assert held.ending.held == "credit check"
    assert [(case.kind, case.open) for case in stuck.cases] == [("customs", True)]
    assert any(trouble.open for trouble in state_of(stuck).issues.reported_issues.values())


async def test_what_was_heard_is_known_by_its_name(left_behind: Database) -> None:
    run = await run_of(left_behind, OPEN[1])
    heard = await rows(left_behind, "SELECT event_id FROM event_order WHERE order_key = %s", OPEN[1])
    assert len(run.seen) == len(heard) == 4
