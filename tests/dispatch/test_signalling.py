"""Signals: in order, bounded, none lost, none twice without need; what is open waits for its workflow."""

import asyncio
from typing import Any

import pytest

from dispatch.ports import Rest
from dispatch.temporal.signalling import MOST_BYTES, MOST_EVENTS, bundles
from schemas.orders.release import CancelRequest
from schemas.workflows.steps import InputOutcome
from store.messaging import quarantine, signals
from store.orders import steps
from tests import written
from tests.dispatch.conftest import Desk, event
from tests.stack.standins import until
from tests.store.rows import SHIPPED

CANCEL = CancelRequest(id="c1", reason="r")


def reports(count: int, first: int = 0, **said: Any) -> list[bytes]:
    """Reports of a carrier about order SO-1."""
    return [event("in_transit", f"e{n}", order="SO-1", **said) for n in range(first, first + count)]


def named(count: int) -> list[str]:
    """Their ids."""
    return [f"e{n}" for n in range(count)]


async def aged(desk: Desk, seconds: int) -> None:
    """So long ago was everything sent."""
    await desk.rows(f"UPDATE event_order SET sent_at = sent_at - interval '{seconds} seconds' RETURNING 1")
    await desk.rows(f"UPDATE inbox_message SET not_before = not_before - interval '{seconds} seconds' RETURNING 1")


async def noted(desk: Desk) -> None:
    """Two sweeps: what Temporal has taken is written down."""
    await desk.sweep()
    await desk.sweep()


async def test_signals_are_bounded_by_count_and_bytes_and_lose_nothing(desk: Desk) -> None:
    key = await desk.order("SO-1")
    await desk.say("dhl", *reports(150))
    assert [len(found) for _, found in desk.handoff.signals] == [MOST_EVENTS, 150 - MOST_EVENTS]
    desk.handoff.signals.clear()
    lines = [{"line": 1 + n % 2, "quantity": 1} for n in range(400)]
    said = [event("picked", f"l{n}", order="SO-1", shipment="S-1", lines=lines) for n in range(40)]
    assert {row["reason"] for row in await desk.say("wms-lys", *said)} == {None}
    assert len(desk.handoff.signals) > 1
    for _, found in desk.handoff.signals:
        assert sum(len(it.model_dump_json(exclude_unset=True)) for it in found) <= MOST_BYTES
    assert desk.handoff.heard(key) == [f"l{n}" for n in range(40)]


async def test_an_event_that_is_too_large_for_a_signal_goes_alone(desk: Desk) -> None:
    await desk.order("SO-1")
    await desk.say("dhl", *reports(3))
    [(_, events)] = desk.handoff.signals
    large = events[1].model_copy(update={"reason": "x" * MOST_BYTES})
    assert [[it.id for it in bundle] for bundle in bundles([events[0], large, events[2]])] == [
        [events[0].id],
        [large.id],
        [events[2].id],
    ]


async def test_what_temporal_refuses_is_found_by_halves_and_quarantined_alone(desk: Desk) -> None:
    key = await desk.order("SO-1")
    desk.handoff.poison = {"e4"}
    rows = await desk.say("dhl", *reports(7))
    assert desk.handoff.heard(key) == [f"e{n}" for n in range(7) if n != 4]
    assert [row["state"] for row in rows] == ["routed"] * 4 + ["quarantined"] + ["routed"] * 2
    assert rows[4]["origin"] == "platform"
    assert "invalid_argument: it is too large" in rows[4]["reason"]
    desk.handoff.poison = set()
    async with desk.database.transaction() as connection:
        await quarantine.replay(connection, [rows[4]["id"]])
    await desk.relay.once()
    assert desk.handoff.heard(key)[-1] == "e4"


@pytest.mark.parametrize("why", ["down", "gone"])
async def test_what_could_not_be_sent_goes_before_anything_newer(desk: Desk, why: str) -> None:
    key = await desk.order("SO-1")
    desk.handoff.down, desk.handoff.gone = why == "down", {f"order/{key}"}
    rows = await desk.say("dhl", *reports(3))
    assert {row["state"] for row in rows} == {"routed"}, "the order is open: nothing is superseded"
    desk.handoff.down, desk.handoff.gone = False, set()
    await desk.say("dhl", *reports(2, first=3))
    assert desk.handoff.heard(key) == named(5)


async def test_one_signal_of_a_workflow_is_on_its_way_at_a_time(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    key = await desk.order("SO-1")
    plain, under_way, most = desk.handoff.milestones, 0, 0

    async def slowly(workflow: str, events: list[Any]) -> Any:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        for _ in range(5):
            await asyncio.sleep(0)
        under_way -= 1
        return await plain(workflow, events)

    monkeypatch.setattr(desk.handoff, "milestones", slowly)
    await desk.say("dhl", *reports(6))
    [(_, events)] = desk.handoff.signals
    desk.handoff.signals.clear()
    await asyncio.gather(*(desk.relay._signaller.tell(key, f"order/{key}", [it]) for it in events))
    assert (most, desk.handoff.heard(key)) == (1, named(6))


async def test_what_temporal_has_is_sent_again_only_to_an_idle_workflow_and_ever_more_rarely(desk: Desk) -> None:
    key = await desk.order("SO-1")
    await desk.say("dhl", *reports(1))
    await noted(desk)
    await aged(desk, 29)
    await desk.sweep()
    assert desk.handoff.heard(key) == ["e0"], "not before 30 s"
    desk.handoff.rest = Rest.BUSY
    await aged(desk, 2)
    await desk.sweep()
    assert desk.handoff.heard(key) == ["e0"], "it has a task to do"
    desk.handoff.rest = Rest.IDLE
    await aged(desk, 31)
    await desk.sweep()
    assert desk.handoff.heard(key) == ["e0"], "the look counts: the next is due after 60 s"
    await aged(desk, 30)
    await desk.sweep()
    assert desk.handoff.heard(key) == ["e0", "e0"]


async def test_what_is_decided_provisionally_is_not_sent_again(desk: Desk) -> None:
    key = await desk.order("SO-1")
    [row] = await desk.say("dhl", *reports(1))
    outcome = InputOutcome(event_id="/partners/dhl#e0", inbox_id=row["id"], version=3)
    record = written.but(SHIPPED, order=key, effects=(), lines=())
    await steps.write(desk.database, written.step(record, outcomes=[outcome], at=9))
    await aged(desk, 7200)
    await desk.sweep()
    assert desk.handoff.heard(key) == ["e0"]


async def test_a_command_that_its_workflow_dropped_is_told_again_when_it_is_idle(desk: Desk) -> None:
    key = await desk.order("SO-1")
    desk.handoff.slow = True
    [message] = await desk.ask(key, "cancel", CANCEL)
    await desk.relay.once()
    await until(lambda: len(desk.handoff.commands) == 1)
    for rest, told in ((Rest.BUSY, 1), (Rest.AWAY, 1), (Rest.IDLE, 2)):
        desk.handoff.rest = rest
        await aged(desk, 7200)
        await desk.sweep()
        await until(lambda: not desk.relay._commands)
        assert len(desk.handoff.commands) == told, rest
    assert (await desk.message(message))["state"] == "routed"
    await desk.sweep()
    await until(lambda: not desk.relay._commands)
    assert len(desk.handoff.commands) == 2


async def test_attempts_while_temporal_is_away_do_not_park_a_message(desk: Desk) -> None:
    key = await desk.order("SO-1")
    desk.handoff.down = True
    [message] = await desk.ask(key, "cancel", CANCEL)
    for _ in range(2):
        await desk.rows(
            "UPDATE inbox_message SET attempts = 198, not_before = now() WHERE state = 'received' RETURNING 1"
        )
        await desk.relay.once()
        await until(lambda: not desk.relay._commands)
    row = await desk.message(message)
    assert (row["state"], row["attempts"]) == ("received", 100)


async def test_what_waits_for_a_workflow_is_listed_and_sent_when_it_runs_again(desk: Desk) -> None:
    key = await desk.order("SO-1")
    desk.handoff.slow = True
    [message] = await desk.ask(key, "cancel", CANCEL)
    await desk.say("dhl", *reports(3))
    await noted(desk)
    async with desk.database.transaction() as connection:
        left = await signals.hurry(connection, f"order/{key}")
    assert (left.messages, [name.rsplit("#", 1)[1] for name in left.events]) == ((message,), named(3))
    desk.handoff.signals.clear()
    await desk.relay.once()
    await desk.sweep()
    await until(lambda: len(desk.handoff.commands) == 2)
    assert desk.handoff.heard(key) == named(3)
