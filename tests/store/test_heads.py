"""Steps of workflow tasks that were lost, repeated, or come late; and what is settled when a step is confirmed."""

from itertools import product
from typing import Any

import pytest

from schemas.inventory.stock import Moves
from schemas.messaging.order_effects import OrderEffect
from schemas.orders.milestones import ShippedLine
from schemas.orders.release import OrderStatus
from schemas.workflows.records import StepRecord
from schemas.workflows.returns import ReturnState
from schemas.workflows.steps import InputOutcome, WorkflowStep
from store.engine import Database
from store.inventory import ledger
from store.messaging import effects, heads
from store.orders import returns, steps
from tests import written
from tests.store.rows import DUE, EFFECT, FIRST, KEY, open_order, rows

STAGES = ("on_hand:LYS", "allocated:LYS", "transit:DN-1", "customer:")
WORKFLOW = f"order/{KEY}"


def move(start: int, end: int, packs: int = 40) -> Moves:
    """Packs from one stage to another; nothing when they are the same."""
    return {} if start == end else {STAGES[start]: {"A": -packs}, STAGES[end]: {"A": packs}}


def step(
    base: int, version: int, moves: Moves, *owed: OrderEffect, at: int = 10, **said: Any
) -> WorkflowStep[StepRecord]:
    """A step decided on the version `base`, in the task that began at event `at`."""
    status = OrderStatus.SHIPPED
    record = written.order_record(order=KEY, version=version, status=status, promised_on=DUE, moves=moves, effects=owed)
    return written.step(record, base=base, at=at, **said)


async def held(database: Database) -> dict[str, int]:
    """Packs of A by place, but for places that are empty."""
    async with database.connection() as connection:
        return {row["place"]: row["packs"] for row in await ledger.balances(connection) if row["packs"]}


async def write(database: Database, *decided: WorkflowStep[StepRecord]) -> None:
    """Write steps, and see that the ledger adds up after each."""
    for it in decided:
        await steps.write(database, it)
        async with database.connection() as connection:
            assert await ledger.audit(connection) == []


@pytest.fixture
async def order(database: Database) -> Database:
    """An order, promised."""
    await open_order(database)
    await steps.write(database, written.step(FIRST))
    return database


# What is booked


@pytest.mark.parametrize(
    ("first", "second", "versions"), list(product(range(1, 4), range(1, 4), [(5, 8), (7, 8), (8, 9), (9, 12)]))
)
async def test_what_a_superseded_attempt_booked_is_corrected(
    order: Database, first: int, second: int, versions: tuple[int, int]
) -> None:
    await write(order, step(3, 5, move(0, 1)), step(5, 8, move(1, 2)))
    again = step(3, versions[0], move(0, first), at=14)
    then = step(versions[0], versions[1], move(first, second), at=14)
    await write(order, again, again, then, then)
    assert await held(order) == {STAGES[0]: -40, STAGES[second]: 40}


async def test_the_same_prefix_decided_again_books_nothing_new(order: Database) -> None:
    await write(order, step(3, 5, move(0, 1)))
    before = await rows(order, "stock_move")
    await write(order, step(3, 5, move(0, 1), at=14), step(3, 5, move(0, 1), at=14))
    assert await rows(order, "stock_move") == before
    await write(order, step(3, 6, move(0, 2), at=18))
    assert await held(order) == {STAGES[0]: -40, STAGES[2]: 40}


async def test_an_attempt_can_be_superseded_again_and_again(order: Database) -> None:
    for n, packs in enumerate((10, 20, 30, 40)):
        await write(order, step(3, 5, move(0, 1, packs), at=10 + n))
    assert await held(order) == {STAGES[0]: -40, STAGES[1]: 40}


@pytest.mark.parametrize("version", [5, 8, 9])
async def test_a_step_that_moves_nothing_corrects_what_a_superseded_attempt_moved(
    order: Database, version: int
) -> None:
    await write(order, step(3, 5, move(0, 1)), step(5, 8, move(1, 2)))
    await write(order, step(3, version, {}, at=14), step(version, 10, {}, at=14))
    assert await held(order) == {}


async def test_what_a_superseded_attempt_at_a_return_booked_counts_once(order: Database) -> None:
    await write(order, step(3, 5, move(0, 3)))

    def came_back(version: int, moves: Moves, at: int) -> WorkflowStep[StepRecord]:
        record = written.return_record(
            order=KEY,
            rma="RMA-1",
            version=version,
            state=ReturnState.RECEIVED,
            reason="wrong size",
            sender=False,
            expected=(ShippedLine(line=1, quantity=40),),
            moves=moves,
        )
        return written.step(record, base=1, at=at)

    received = {"customer:": {"A": -40}, "returns:LYS": {"A": 40}}
    both = {"customer:": {"A": -40}, "on_hand:LYS": {"A": 40}}
    for it in (came_back(2, received, 5), came_back(2, received, 5), came_back(3, both, 9), came_back(3, both, 9)):
        await returns.write(order, it)
    assert await held(order) == {}


async def test_a_return_that_moves_nothing_reverses_what_a_superseded_attempt_moved(order: Database) -> None:
    def came_back(moves: Moves, at: int) -> WorkflowStep[StepRecord]:
        expected = (ShippedLine(line=1, quantity=40),)
        said = {"rma": "RMA-1", "state": ReturnState.RECEIVED, "reason": "wrong size", "sender": False}
        record = written.return_record(KEY, 2, **said, expected=expected, moves=moves)
        return written.step(record, base=1, at=at)

    await returns.write(order, came_back({"customer:": {"A": -40}, "returns:LYS": {"A": 40}}, 5))
    await returns.write(order, came_back({}, 9))
    assert await held(order) == {}


# Steps that come late


async def test_a_step_of_an_older_task_writes_nothing(order: Database) -> None:
    early, later = step(3, 5, move(0, 1)), step(5, 8, move(1, 2), at=14)
    await write(order, early, later, early, step(3, 9, move(0, 3), at=12))
    assert await held(order) == {STAGES[0]: -40, STAGES[2]: 40}
    [view] = await rows(order, "order_view")
    assert view["version"] == 8


async def test_a_step_of_an_older_run_writes_nothing(order: Database) -> None:
    await write(order, step(3, 5, move(0, 1), at=100), step(5, 8, move(1, 2), at=4, run=2))
    await write(order, step(5, 9, move(1, 3), at=200))
    assert await held(order) == {STAGES[0]: -40, STAGES[2]: 40}


async def test_a_step_that_is_written_after_a_later_one_of_its_task_changes_nothing(order: Database) -> None:
    early = step(3, 5, move(0, 1))
    await write(order, early, step(5, 8, move(1, 2)), early)
    assert await held(order) == {STAGES[0]: -40, STAGES[2]: 40}


# What is owed


async def owed(database: Database) -> dict[str, str]:
    """What became of every effect, by the end of its key."""
    return {row["key"].partition("/")[2]: row["outcome"] for row in await rows(database, "effect")}


def tells(shipment: str) -> OrderEffect:
    """A milestone as the ERP is to hear it."""
    key = f"{KEY}/{shipment}/shipped"
    return EFFECT.model_copy(update={"key": key, "payload": EFFECT.payload.model_copy(update={"shipment": shipment})})


async def test_what_only_a_superseded_attempt_owed_is_superseded(order: Database) -> None:
    early, late, next_one = (tells(f"DN-{n}") for n in (1, 2, 3))
    await write(order, step(3, 4, {}, early), step(4, 6, {}, late))
    await write(order, step(3, 6, {}, next_one, at=14), step(3, 6, {}, next_one, at=14))
    found = await owed(order)
    assert [found[f"SO-1/DN-{n}/shipped"] for n in (1, 2, 3)] == ["superseded", "superseded", "planned"]


async def test_a_step_that_owes_nothing_supersedes_what_a_superseded_attempt_owed(order: Database) -> None:
    await write(order, step(3, 4, {}, tells("DN-1")), step(3, 4, {}, at=14))
    assert (await owed(order))["SO-1/DN-1/shipped"] == "superseded"


async def test_what_was_superseded_can_be_owed_again_and_what_was_done_stays_done(order: Database) -> None:
    early, other = tells("DN-1"), tells("DN-2")
    await write(order, step(3, 4, {}, early), step(3, 5, {}, other, at=14))
    async with order.connection() as connection:
        await effects.done(connection, other, "R-1", 1)
    assert (await owed(order))["SO-1/DN-1/shipped"] == "superseded"
    await write(order, step(3, 4, {}, early, at=18), step(4, 5, {}, at=18), step(5, 6, {}, at=22))
    found = await owed(order)
    assert [found[f"SO-1/DN-{n}/shipped"] for n in (1, 2)] == ["planned", "done"]


async def test_later_bundles_of_a_repeated_task_are_owed_again(order: Database) -> None:
    first, second = tells("DN-1"), tells("DN-2")
    await write(order, step(3, 5, {}, first), step(5, 8, {}, second))
    await write(order, step(3, 5, {}, first, at=14), step(5, 8, {}, second, at=14))
    found = await owed(order)
    assert [found[f"SO-1/DN-{n}/shipped"] for n in (1, 2)] == ["planned", "planned"]


# What is settled


async def message(database: Database, kind: str = "order.cancel") -> int:
    """A message that waits for its order."""
    async with database.connection() as connection:
        cursor = await connection.execute(
            "INSERT INTO inbox_message (partner, channel, kind, external_id, digest, headers, raw, traceparent, state) "
            "VALUES ('erp-one', 'http', %s, 'x', 'd', '{}', '', '', 'routed') RETURNING id",
            (kind,),
        )
        [row] = await cursor.fetchall()
        return int(row["id"])


async def state(database: Database, id: int) -> tuple[str, str | None, dict[str, Any] | None]:
    """State, reason and answer of a message."""
    async with database.connection() as connection:
        cursor = await connection.execute("SELECT state, reason, answer FROM inbox_message WHERE id = %s", (id,))
        [row] = await cursor.fetchall()
        return row["state"], row["reason"], row["answer"]


def said(id: int, version: int, refusal: str | None = None) -> InputOutcome:
    """A verdict on a command."""
    answer: dict[str, Any] = {} if refusal else {"done": f"at {version}"}
    return InputOutcome(event_id=f"cancel {id}", inbox_id=id, version=version, superseded=refusal, answer=answer)


async def test_a_message_is_settled_when_a_later_task_has_begun(order: Database) -> None:
    asked, refused = await message(order), await message(order)
    await write(order, step(3, 5, {}, outcomes=[said(asked, 4), said(refused, 5, "too late")]))
    assert [await state(order, it) for it in (asked, refused)] == [("routed", None, None)] * 2
    await write(order, step(5, 6, {}))
    assert (await state(order, asked))[0] == "routed", "still the same task"
    await write(order, step(6, 7, {}, at=14, kept=6))
    assert await state(order, asked) == ("applied", None, {"done": "at 4"})
    assert await state(order, refused) == ("superseded", "too late", {})
    async with order.connection() as connection:
        assert await heads.counts(connection) == {"steps": 1, "verdicts": 0}


async def test_of_a_message_that_a_step_took_in_twice_the_first_verdict_counts(order: Database) -> None:
    asked = await message(order)
    await write(order, step(3, 5, {}, outcomes=[said(asked, 4), said(asked, 5, "it was said before")]))
    await write(order, step(5, 6, {}, at=14, kept=5))
    assert await state(order, asked) == ("applied", None, {"done": "at 4"})


async def test_of_a_message_that_two_steps_took_in_the_first_verdict_counts(order: Database) -> None:
    asked = await message(order)
    await write(order, step(3, 5, {}, outcomes=[said(asked, 5)]))
    await write(order, step(5, 6, {}, at=14, outcomes=[said(asked, 6, "it was said before")]))
    await write(order, step(6, 7, {}, at=18, kept=6))
    assert await state(order, asked) == ("applied", None, {"done": "at 5"})


async def test_a_message_is_settled_when_its_task_is_found_in_the_history(order: Database) -> None:
    asked = await message(order)
    await write(order, step(3, 5, {}, outcomes=[said(asked, 5)]))
    async with order.connection() as connection:
        [newest] = [it for it in await heads.provisional(connection, 0.0, 10) if it.version == 5]
        assert (newest.workflow_id, newest.task) == (WORKFLOW, 10)
        assert await heads.provisional_of(connection, asked) == [newest]
        assert await heads.confirm(connection, [newest]) == 1
        assert await heads.confirm(connection, [newest]) == 0, "it was before"
        assert await heads.counts(connection) == {"steps": 0, "verdicts": 0}
    assert (await state(order, asked))[0] == "applied"


async def test_a_step_that_was_written_again_meanwhile_is_not_confirmed_by_an_old_look(order: Database) -> None:
    asked = await message(order)
    await write(order, step(3, 5, {}, outcomes=[said(asked, 5)]))
    async with order.connection() as connection:
        [newest] = await heads.provisional_of(connection, asked)
        await write(order, step(3, 5, {}, at=14, outcomes=[said(asked, 5)]))
        assert await heads.confirm(connection, [newest]) == 0
    assert (await state(order, asked))[0] == "routed"


async def test_a_verdict_of_a_superseded_attempt_settles_nothing(order: Database) -> None:
    asked, other = await message(order), await message(order)
    await write(order, step(3, 5, {}, outcomes=[said(asked, 5, "refused by mistake")]))
    await write(order, step(3, 5, {}, at=14, outcomes=[said(other, 5)]))
    await write(order, step(5, 6, {}, at=18, kept=5))
    assert (await state(order, asked))[0] == "routed"
    assert (await state(order, other))[0] == "applied"


async def test_a_snapshot_is_kept_with_its_version(order: Database) -> None:
    await write(order, step(3, 5, {}, snapshot="{}"), step(5, 6, {}))
    async with order.connection() as connection:
        kept = await heads.kept(connection, WORKFLOW)
    assert kept and (kept.snapshot, kept.snapshot_version, kept.version, kept.ended) == ("{}", 5, 6, False)
