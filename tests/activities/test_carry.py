"""Carrying an effect: asked once under its key, the ledger true, express attempts that decline instead of waiting."""

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.carry import Carrier, Timeouts
from activities.gate import Gate
from connectors.ports import Call, KeyReused, Refused, Unavailable
from schemas.base import Origin
from schemas.effects import Effect, EffectReceipt, Operation
from schemas.instructions import Accepted
from schemas.orders import OrderStatus
from schemas.records import StepRecord
from store import effects, steps
from store.engine import Database
from tests.store.rows import DUE, FIRST, KEY, open_order

EFFECT = Effect(
    key=f"{KEY}/tender_transport",
    order=KEY,
    operation=Operation.TENDER_TRANSPORT,
    accepted_at=datetime(2026, 5, 4, tzinfo=UTC),
    traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
)
TIMEOUTS = Timeouts(express_s=0.05, queued_s=0.2)


@dataclasses.dataclass
class Desk:
    """A carrier for one effect, and what the system was asked."""

    database: Database
    carrier: Carrier
    calls: list[Call] = dataclasses.field(default_factory=list)

    async def carry(self, answer: Callable[[], Awaitable[Accepted]], *, express: bool = True) -> EffectReceipt:
        """Carry the effect to a system that answers so."""

        async def ask(call: Call) -> Accepted:
            self.calls.append(call)
            return await answer()

        environment = ActivityEnvironment()
        environment.info = dataclasses.replace(environment.info, is_local=express)
        return await environment.run(self.carrier.carry, EFFECT, "EMEA", ask)

    async def ledger(self) -> dict[str, Any]:
        """The effect's row."""
        async with self.database.connection() as connection:
            [row] = await (await connection.execute("SELECT * FROM effect")).fetchall()
        return row


@pytest.fixture
async def desk(database_url: str) -> Any:
    """An order that owes one effect."""
    async with Database(database_url, 3) as database:
        await open_order(database)
        await steps.write(database, FIRST)
        owing = StepRecord(order=KEY, version=1, status="promised", promised_on=DUE, effects=(EFFECT,))
        await steps.write(database, owing)
        yield Desk(database, Carrier(database, Gate("tms", limit=1), TIMEOUTS))


async def fine() -> Accepted:
    """Accepts."""
    return Accepted(reference="R-1", carrier="dhl")


async def silent() -> Accepted:
    """Never answers."""
    await asyncio.Event().wait()
    return await fine()


async def refuses() -> Accepted:
    """Refuses."""
    raise Refused(Origin.TMS_API, "tms: HTTP 422 no_such_lane")


async def asks_to_wait() -> Accepted:
    """Asks to slow down."""
    raise Unavailable(Origin.TMS_API, "tms: HTTP 429", 7.0)


@pytest.mark.parametrize("express", [True, False])
async def test_done_is_in_the_ledger_and_the_carrier_takes_part(desk: Desk, express: bool) -> None:
    receipt = await desk.carry(fine, express=express)
    assert receipt == EffectReceipt(reference="R-1", carrier="dhl")
    timeout_s = TIMEOUTS.express_s if express else TIMEOUTS.queued_s
    assert desk.calls == [Call("EMEA", EFFECT.key, EFFECT.traceparent, timeout_s)]
    row = await desk.ledger()
    assert (row["outcome"], row["attempts"], row["reference"]) == ("done", 1, "R-1")
    async with desk.database.connection() as connection:
        [order] = await (await connection.execute("SELECT parties, carrier FROM order_view")).fetchall()
    assert order == {"parties": ["erp-one", "dhl"], "carrier": "dhl"}


@pytest.mark.parametrize("answer", [silent, asks_to_wait])
async def test_an_express_attempt_without_an_answer_declines(
    desk: Desk, answer: Callable[[], Awaitable[Accepted]]
) -> None:
    assert (await desk.carry(answer)).declined
    row = await desk.ledger()
    assert (row["outcome"], row["attempts"], row["origin"]) == ("planned", 1, "tms_api")
    await desk.carry(fine, express=False)
    row = await desk.ledger()
    assert (row["outcome"], row["attempts"], row["error"]) == ("done", 2, None)


async def test_an_express_attempt_without_a_place_declines_without_asking(desk: Desk) -> None:
    with desk.carrier.gate.admit("another"):
        assert (await desk.carry(fine)).declined
    assert desk.calls == []
    assert (await desk.carry(fine)).reference == "R-1"


async def test_a_queued_attempt_without_an_answer_is_retried_when_the_system_says(desk: Desk) -> None:
    with pytest.raises(ApplicationError) as failed:
        await desk.carry(asks_to_wait, express=False)
    assert (failed.value.type, failed.value.non_retryable) == ("tms_api", False)
    assert failed.value.next_retry_delay == timedelta(seconds=7)
    with pytest.raises(ApplicationError, match=r"no answer in 0\.2 s") as failed:
        await desk.carry(silent, express=False)
    assert not failed.value.non_retryable


@pytest.mark.parametrize("express", [True, False])
async def test_a_refusal_is_final(desk: Desk, express: bool) -> None:
    with pytest.raises(ApplicationError) as failed:
        await desk.carry(refuses, express=express)
    assert (failed.value.type, failed.value.non_retryable) == ("tms_api", True)
    row = await desk.ledger()
    assert (row["outcome"], row["origin"], row["error"]) == ("failed", "tms_api", "tms: HTTP 422 no_such_lane")


async def reused() -> Accepted:
    """Has done something else under this key."""
    raise KeyReused(Origin.TMS_API, "tms: HTTP 422 key_reused")


async def test_what_a_lost_attempt_has_told_otherwise_is_done(desk: Desk) -> None:
    async with desk.database.connection() as connection:
        for status in (OrderStatus.PICKED, OrderStatus.PACKED):
            told = EFFECT.model_copy(update={"order_status": status})
            await effects.plan(connection, KEY, (told,), 2, again=True)
    await desk.carry(reused)
    assert (await desk.ledger())["outcome"] == "done"


async def test_a_key_that_was_used_for_something_else_is_a_refusal(desk: Desk) -> None:
    with pytest.raises(ApplicationError) as failure:
        await desk.carry(reused)
    assert failure.value.non_retryable
    assert (await desk.ledger())["outcome"] == "failed"
