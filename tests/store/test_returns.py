"""Returns: no pack is authorised twice, and lines count what came back."""

import asyncio
from collections.abc import Iterable
from typing import Any

import psycopg
import pytest

from schemas.orders.milestones import ShippedLine
from schemas.workflows.records import StepRecord
from schemas.workflows.returns import ReturnStart, ReturnState
from schemas.workflows.steps import InputOutcome
from store.engine import Database
from store.messaging import inbox
from store.messaging.inbox import NewMessage
from store.orders import orders, returns, steps
from tests import written
from tests.store.rows import DELTA, EFFECT, GONE, KEY, NOW, SHIPPED, everything, rows, shipped_order

YES, NO = ReturnState.AUTHORISED, ReturnState.REFUSED


def packs(*quantities: int) -> tuple[ShippedLine, ...]:
    """Packs of line 1, stated one by one."""
    return tuple(ShippedLine(line=1, quantity=quantity) for quantity in quantities)


def start(rma: str, lines: Iterable[ShippedLine], **more: Any) -> ReturnStart:
    """A return that is asked for."""
    return ReturnStart(
        order=KEY,
        rma=rma,
        reason="wrong size",
        lines=tuple(lines),
        items={1: "A"},
        site="LYS",
        region="EMEA",
        accepted_at=NOW,
        **more,
    )


def record(rma: str, version: int, state: ReturnState, expected: int, received: int = 0, **more: Any) -> StepRecord:
    """A step of a return."""
    came = packs(received) if received else ()
    return written.return_record(
        order=KEY,
        rma=rma,
        version=version,
        state=state,
        reason="wrong size",
        sender=False,
        expected=packs(expected),
        received=came,
        **more,
    )


async def returned(database: Database) -> int:
    """Packs of the line that came back."""
    [line] = await rows(database, "order_line_view")
    return int(line["returned"])


async def test_two_returns_of_the_same_packs_at_once_are_not_both_authorised(database: Database) -> None:
    await shipped_order(database, delivered=40)
    asked = (start(f"R{number}", packs(25)) for number in range(4))
    answers = await asyncio.gather(*(returns.authorise(database, it) for it in asked))
    assert sorted(answers) == [YES, NO, NO, NO]


async def test_a_repeat_is_answered_the_same_whatever_has_happened_since(database: Database) -> None:
    await shipped_order(database, delivered=40)
    asked = [start("R1", packs(40)), start("R2", packs(1))]
    assert [await returns.authorise(database, it) for it in asked] == [YES, NO]
    await returns.write(database, written.step(record("R1", 2, ReturnState.RECEIVED, 40, 10)))
    once = await everything(database)
    assert [await returns.authorise(database, it) for it in asked] == [YES, NO]
    assert await everything(database) == once


@pytest.mark.parametrize(
    ("lines", "sender", "answer"),
    [
        (packs(30), False, YES),
        (packs(31), False, NO),
        (packs(15, 15), False, YES),
        (packs(15, 16), False, NO),
        ((ShippedLine(line=2, quantity=1),), False, NO),
        (packs(40), True, YES),
        (packs(41), True, NO),
    ],
)
async def test_a_customer_returns_what_was_delivered_a_carrier_what_was_shipped(
    database: Database, lines: tuple[ShippedLine, ...], sender: bool, answer: ReturnState
) -> None:
    await shipped_order(database, delivered=30)
    assert await returns.authorise(database, start("R1", lines, sender=sender)) is answer
    [row] = await rows(database, "return_order")
    assert (row["state"], row["closed_at"] is not None) == (answer, answer is NO)


async def test_what_a_carrier_brings_back_does_not_stop_customers_from_returning_what_they_have(
    database: Database,
) -> None:
    await shipped_order(database, delivered=20)
    assert await returns.authorise(database, start("rts", packs(20), sender=True)) is YES
    assert await returns.authorise(database, start("R1", packs(20))) is YES
    assert await returns.authorise(database, start("rts-2", packs(1), sender=True)) is NO


async def test_packs_that_did_not_come_back_may_be_returned_again(database: Database) -> None:
    await shipped_order(database, delivered=40)
    await returns.authorise(database, start("R1", packs(40)))
    assert await returns.authorise(database, start("R2", packs(30))) is NO
    await returns.write(database, written.step(record("R1", 3, ReturnState.CREDITED, 40, 10)))
    assert await returns.authorise(database, start("R3", packs(31))) is NO
    assert await returns.authorise(database, start("R4", packs(30))) is YES


async def test_a_step_is_written_once_whole_and_never_over_a_newer_one(database: Database) -> None:
    await shipped_order(database, delivered=40)
    async with database.transaction() as connection:
        [inbox_id] = await inbox.insert(connection, [NewMessage("erp-one", "api", inbox.RETURN, "R1", "d", b"{}")])
    await returns.authorise(database, start("R1", packs(30)))
    said = InputOutcome(event_id="R1", inbox_id=inbox_id, version=2)
    owed = {
        "effects": (EFFECT.model_copy(update={"key": "e"}),),
        "deltas": (DELTA.model_copy(update={"key": "d", "kind": "returned"}),),
    }
    received = record("R1", 2, ReturnState.RECEIVED, 30, 20, **owed)
    await returns.write(database, written.step(received, outcomes=[said]))
    once = await everything(database)
    await returns.write(database, written.step(received, outcomes=[said]))
    assert await everything(database) == once
    assert (once["inbox_message"][-1]["state"], once["order_line_view"][0]["returned"]) == ("received", 20)
    assert [(row["inbox_id"], row["verdict"]) for row in once["outcome"]] == [(inbox_id, "applied")]
    assert {"e", "d"} <= {row["key"] for row in (*once["effect"], *once["planning_delta"])}
    await returns.write(database, written.step(record("R1", 1, YES, 30)))
    assert await everything(database) == once
    broken = record("R1", 3, ReturnState.CREDITED, 30, 30, deltas=(DELTA.model_copy(update={"region": None}),))
    with pytest.raises(psycopg.errors.NotNullViolation):
        await returns.write(database, written.step(broken, at=7, kept=2))
    assert await everything(database) == once
    await returns.write(database, written.step(record("R1", 3, ReturnState.CREDITED, 30, 30), at=7, kept=2))
    later = await everything(database)
    assert (later["inbox_message"][-1]["state"], later["outcome"]) == ("applied", []), "a later task has begun"


async def test_a_line_counts_what_came_back_with_all_returns_at_once(database: Database) -> None:
    await shipped_order(database, delivered=40)
    names = [f"R{number}" for number in range(4)]
    for rma in names:
        await returns.authorise(database, start(rma, packs(10)))
    steps_at_once = (
        returns.write(database, written.step(record(rma, 2, ReturnState.RECEIVED, 10, 7))) for rma in names
    )
    await asyncio.gather(*steps_at_once)
    assert await returned(database) == 28
    async with database.connection() as connection:
        assert [row["rma"] for row in await returns.listing(connection, KEY)] == names
        assert [row["rma"] for row in (await orders.details(connection, KEY))["returns"]] == names


async def test_a_step_of_the_order_that_has_not_heard_of_the_return_does_not_undo_its_count(database: Database) -> None:
    await shipped_order(database, delivered=40)
    await returns.authorise(database, start("R1", packs(10)))
    await returns.write(database, written.step(record("R1", 2, ReturnState.RECEIVED, 10, 10)))
    line = GONE.model_copy(update={"delivered": 40})
    await steps.write(database, written.step(written.but(SHIPPED, version=5, lines=(line,))))
    assert await returned(database) == 10


async def test_a_return_of_an_unknown_order_fails(database: Database) -> None:
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        await returns.authorise(database, start("R1", packs(1)))
