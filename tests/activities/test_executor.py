"""Carrying an effect: asked once under its key, the ledger true, express attempts that decline instead of waiting."""

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.execution.executor import EffectExecutor, Timeouts
from activities.execution.gate import Gate
from connectors.ports import Call, Refused, Unavailable
from schemas.base import Origin
from schemas.messaging.effects import EffectReceipt
from schemas.messaging.instructions import Accepted
from schemas.messaging.order_effects import OrderEffect, TenderTransport
from store.engine import Database
from store.messaging import effects
from store.orders import steps
from tests import written
from tests.payloads import said as said_of
from tests.store.rows import DUE, FIRST, KEY, open_order

EFFECT = OrderEffect(
    key=f"{KEY}/tender_transport",
    order=KEY,
    payload=TenderTransport(promised_on=DUE),
    accepted_at=datetime(2026, 5, 4, tzinfo=UTC),
    traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
)
TIMEOUTS = Timeouts(express_s=0.05, queued_s=0.2)


@dataclasses.dataclass
class Desk:
    """An executor for one effect, and what the system was asked."""

    database: Database
    executor: EffectExecutor
    calls: list[Call] = dataclasses.field(default_factory=list)

    async def execute(
        self, answer: Callable[[], Awaitable[Accepted]], *, express: bool = True, effect: OrderEffect | None = None
    ) -> EffectReceipt:
        """Carry the effect to a system that answers so."""

        async def ask(call: Call) -> Accepted:
            self.calls.append(call)
            return await answer()

        environment = ActivityEnvironment()
        environment.info = dataclasses.replace(environment.info, is_local=express)
        return await environment.run(self.executor.execute, effect or EFFECT, "EMEA", ask)

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
        await steps.write(database, written.step(FIRST))
        owing = written.order_record(order=KEY, version=1, status="promised", promised_on=DUE, effects=(EFFECT,))
        await steps.write(database, written.step(owing))
        yield Desk(database, EffectExecutor(database, Gate("tms", limit=1), TIMEOUTS))


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
    receipt = await desk.execute(fine, express=express)
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
    assert (await desk.execute(answer)).declined
    row = await desk.ledger()
    assert (row["outcome"], row["attempts"], row["origin"]) == ("planned", 1, "tms_api")
    await desk.execute(fine, express=False)
    row = await desk.ledger()
    assert (row["outcome"], row["attempts"], row["error"]) == ("done", 2, None)


async def test_an_express_attempt_without_a_place_declines_without_asking(desk: Desk) -> None:
    with desk.executor.gate.admit("another"):
        assert (await desk.execute(fine)).declined
    assert desk.calls == []
    assert (await desk.execute(fine)).reference == "R-1"


async def test_a_queued_attempt_without_an_answer_is_retried_when_the_system_says(desk: Desk) -> None:
    with pytest.raises(ApplicationError) as failed:
        await desk.execute(asks_to_wait, express=False)
    assert (failed.value.type, failed.value.non_retryable) == ("tms_api", False)
    assert failed.value.next_retry_delay == timedelta(seconds=7)
    with pytest.raises(ApplicationError, match=r"no answer in 0\.2 s") as failed:
        await desk.execute(silent, express=False)
    assert not failed.value.non_retryable


@pytest.mark.parametrize("express", [True, False])
async def test_a_refusal_is_final(desk: Desk, express: bool) -> None:
    with pytest.raises(ApplicationError) as failed:
        await desk.execute(refuses, express=express)
    assert (failed.value.type, failed.value.non_retryable) == ("tms_api", True)
    row = await desk.ledger()
    assert (row["outcome"], row["origin"], row["error"]) == ("failed", "tms_api", "tms: HTTP 422 no_such_lane")


async def unspeakable() -> Accepted:
    """Refuses with what no database can keep."""
    raise Refused(Origin.TMS_API, "tms: HTTP 422 a\x00b\ud800" + "x" * 900)


async def unwritable() -> Accepted:
    """Accepts, under a reference that no database can keep."""
    return Accepted.model_construct(reference="a\x00b", carrier=None)


async def unforeseen() -> Accepted:
    """Fails as no system says that it may."""
    raise RecursionError("confidential")


@pytest.mark.parametrize("express", [True, False])
async def test_a_refusal_is_written_down_whatever_it_says(desk: Desk, express: bool) -> None:
    with pytest.raises(ApplicationError) as failed:
        await desk.execute(unspeakable, express=express)
    assert failed.value.non_retryable
    assert failed.value.message.encode().startswith(b"tms: HTTP 422 a?b?xxx"), "it can go into a history"
    row = await desk.ledger()
    assert (row["outcome"], row["attempts"]) == ("failed", 1)
    assert row["error"].startswith("tms: HTTP 422 a?b?xxx")


@pytest.mark.parametrize("answer", [unwritable, unforeseen])
async def test_an_outcome_that_cannot_be_written_is_an_outcome_too(
    desk: Desk, answer: Callable[[], Awaitable[Accepted]]
) -> None:
    """It stays owed, and everybody can see how often it was tried and why it is not done."""
    assert (await desk.execute(answer)).declined
    with pytest.raises(ApplicationError, match="what it answered cannot be taken") as failed:
        await desk.execute(answer, express=False)
    assert (failed.value.type, failed.value.non_retryable) == ("platform", False)
    assert failed.value.__cause__ is None, "a history holds nothing of what was answered"
    row = await desk.ledger()
    assert (row["outcome"], row["attempts"], row["origin"]) == ("planned", 2, "platform")
    assert "confidential" not in row["error"]
    assert (await desk.execute(fine)).reference == "R-1", "a fault of ours does not shut the system's gate"


def told_otherwise(packs: int) -> OrderEffect:
    """The effect with another content."""
    return EFFECT.model_copy(update={"payload": TenderTransport(promised_on=DUE, packs=packs)})


async def owe(desk: Desk, effect: OrderEffect, version: int) -> None:
    """Have a step owe it."""
    async with desk.database.connection() as connection:
        await effects.plan(connection, KEY, (effect,), version)


async def test_what_is_told_otherwise_under_a_key_is_told_as_another_edition(desk: Desk) -> None:
    """Two contents never reach a system under one Idempotency-Key, whatever is owed, lost and tried again."""
    said: dict[str, set[int | None]] = {}
    sent = 0
    for version, packs in enumerate((5, 5, 7, 7, 5, 9), start=2):
        effect = told_otherwise(packs)
        await owe(desk, effect, version)
        for attempt in (told_otherwise(5), effect, told_otherwise(7)):
            desk.calls.clear()
            receipt = await desk.execute(fine, effect=attempt)
            for call in desk.calls:
                said.setdefault(call.key, set()).add(said_of(attempt).packs)
            current = said_of(attempt).packs == packs
            assert not desk.calls or current, "an attempt that is out of date is not sent"
            assert receipt == (EffectReceipt(reference="R-1", carrier="dhl") if current else EffectReceipt())
            sent += len(desk.calls)
    assert sent == 4, "each edition is sent once; the ledger answers for it then"
    key = EFFECT.key
    assert said == {f"{key}/e2": {5}, f"{key}/e3": {7}, f"{key}/e4": {5}, f"{key}/e5": {9}}
    row = await desk.ledger()
    assert (row["edition"], row["outcome"], row["version"]) == (5, "done", 7)


async def test_what_is_owed_again_as_it_was_stays_done(desk: Desk) -> None:
    await desk.execute(fine)
    done = await desk.ledger()
    later = EFFECT.model_copy(update={"accepted_at": EFFECT.accepted_at + timedelta(1), "traceparent": ""})
    await owe(desk, later, 9)
    assert await desk.ledger() == done, "when it was accepted and traced is no part of what is told"


async def test_what_an_edition_came_to_says_nothing_of_the_next(desk: Desk) -> None:
    await owe(desk, told_otherwise(7), 2)
    async with desk.database.connection() as connection:
        await effects.done(connection, EFFECT, "R-0", 1)
        await effects.failed(connection, EFFECT, Origin.TMS_API, "no", final=True)
    row = await desk.ledger()
    assert (row["outcome"], row["attempts"], row["edition"]) == ("planned", 0, 2)


async def test_what_was_superseded_and_is_told_otherwise_is_another_edition(desk: Desk) -> None:
    async with desk.database.connection() as connection:
        await effects.supersede(connection, KEY, 0, ())
    await owe(desk, EFFECT, 2)
    assert ((await desk.ledger())["outcome"], (await desk.ledger())["edition"]) == ("planned", 1)
    async with desk.database.connection() as connection:
        await effects.supersede(connection, KEY, 1, ())
    await owe(desk, told_otherwise(7), 3)
    assert ((await desk.ledger())["outcome"], (await desk.ledger())["edition"]) == ("planned", 2)
