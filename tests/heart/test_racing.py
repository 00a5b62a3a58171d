"""Commands that race: with reports, with each other, with a death, with the end of the order. None is lost."""

import asyncio
import os
import signal
from typing import Any

import httpx
import pytest
from temporalio.api.enums.v1 import CommandType

from demo.order import Order
from demo.stage import CARRIER
from schemas.base import System
from schemas.orders.milestones import MilestoneKind as M
from schemas.orders.release import OrderStatus
from tests.faults.chances import Fault
from tests.faults.tasks import ran, said
from tests.heart.conftest import FULL
from tests.heart.ground import PATIENCE_S, Ground, delays, milestone
from tests.stack.standins import until

RACES = 1000 if FULL else 24
AMENDMENTS = (30, 60, 100) if FULL else (30,)
ENDS = 40 if FULL else 8
AT_ONCE = 12
COMPLETED = CommandType.COMMAND_TYPE_COMPLETE_WORKFLOW_EXECUTION
REPORTS = 6
TRUTH = {200: {"applied"}, 409: {"superseded"}, 202: {"applied", "superseded"}}
"""What may become of a command that was answered so."""
WITHIN_S = 0.1
"""The reports come so soon after the cancellation."""


async def cancelled_everywhere(ground: Ground, order: Order) -> bool:
    """Whether an order is cancelled in every book."""
    await asyncio.sleep(0.1)
    found = await ground.figures(order)
    return found == {
        "ours": 0, "wms": 0, "tms": 0, "planning": 0, "erp": found["erp"], "status": ("cancelled", "cancelled"),
    }  # fmt: skip


@pytest.mark.chaos
async def test_an_accepted_cancellation_is_not_lost_among_reports(ground: Ground) -> None:
    scene, places = ground.scene("race"), asyncio.Semaphore(AT_ONCE)

    async def raced(_: int) -> tuple[Order, int]:
        async with places:
            order = await scene.order({1: 10})
            cancelling = asyncio.create_task(ground.ask(order, "cancel"))
            told = [asyncio.create_task(later(n, order)) for n in range(REPORTS)]
            answer, messages = await cancelling, await asyncio.gather(*told)
            await ground.decided(it for ids in messages for it in ids)
            return order, answer.status_code

    async def later(nth: int, order: Order) -> list[int]:
        await asyncio.sleep(WITHIN_S * nth / REPORTS)
        return await ground.tell(CARRIER, delays(order, REPORTS)[nth : nth + 1])

    raced_orders = await asyncio.gather(*map(raced, range(RACES)))
    assert {status for _, status in raced_orders} <= {200, 202}
    for order, _ in raced_orders:
        await until(lambda: cancelled_everywhere(ground, order), PATIENCE_S)  # noqa: B023
    [lost] = await ground.rows(
        "SELECT count(*) AS n FROM inbox_message WHERE kind = 'order.cancel' AND state <> 'applied' "
        "AND workflow_id LIKE %s",
        f"%/{scene.name.upper()}-%",
    )
    assert lost["n"] == 0
    await ground.agree()


@pytest.mark.chaos
async def test_a_step_is_written_and_its_task_is_lost_with_worker_and_temporal(ground: Ground) -> None:
    order = await ground.scene("killed").order({1: 50})
    await until(ground.is_at_rest, PATIENCE_S)  # what is written next is the amendment's step
    workflow = f"order/{order.key}"
    lost = ground.proxy.next_task(Fault.REJECTED, workflow, ran("records.write_step"))
    asking = asyncio.create_task(ground.amend(order, 60))
    await lost.hit.wait()
    [written] = await ground.rows("SELECT ordered FROM order_line_view WHERE order_key = %s", order.key)
    assert written["ordered"] == 60, "the step is written"
    before = dict(ground.stack.restarts)
    os.kill(ground.stack.pid("worker"), signal.SIGKILL)
    os.kill(ground.stack.pid("temporal"), signal.SIGKILL)
    again = ("worker", "temporal")
    await until(lambda: all(ground.stack.restarts[it] > before.get(it, 0) for it in again), PATIENCE_S)
    await until(lambda: all(ground.stack.is_ready(it) for it in again), PATIENCE_S)
    assert (await asking).status_code in (200, 202)
    assert (await ground.amend(order, 55)).status_code in (200, 202)
    await agreed(ground, order, 55)
    owed = await ground.rows("SELECT key FROM effect WHERE outcome = 'planned' AND order_key = %s", order.key)
    assert owed == []
    await ended(ground, order)


@pytest.mark.chaos
@pytest.mark.parametrize("times", AMENDMENTS)
async def test_amendments_at_once_are_answered_truthfully_and_the_last_one_stands(ground: Ground, times: int) -> None:
    order = await ground.scene("amended").order({1: 200})
    wanted = [100 + nth for nth in range(times)]
    answers = await asyncio.gather(*(ground.amend(order, packs) for packs in wanted))
    assert {it.status_code for it in answers} <= {200, 202, 409}
    asked = await ground.rows(
        "SELECT id, state, raw, answer FROM inbox_message WHERE workflow_id = %s AND kind = 'order.amend'",
        f"order/{order.key}",
    )
    assert len(asked) == times
    await ground.decided(it["id"] for it in asked)
    last = await last_applied(ground, order)
    await agreed(ground, order, last)
    states = await states_by_packs(ground, order)
    for packs, answer in zip(wanted, answers, strict=True):
        assert states[packs] in TRUTH[answer.status_code], (packs, answer.text)
    assert "applied" in states.values()
    await ended(ground, order)


async def states_by_packs(ground: Ground, order: Order) -> dict[int, str]:
    """What became of each amendment."""
    rows = await ground.rows(
        "SELECT state, convert_from(raw, 'UTF8')::jsonb #>> '{request,lines,0,quantity}' AS packs FROM inbox_message "
        "WHERE workflow_id = %s AND kind = 'order.amend'",
        f"order/{order.key}",
    )
    return {int(row["packs"]): row["state"] for row in rows}


async def last_applied(ground: Ground, order: Order) -> int:
    """The packs of the amendment that was decided last, in the order of the workflow's history."""
    names = []
    for run in reversed(await ground.history(order)):
        for event in run:
            told = event.workflow_execution_signaled_event_attributes
            if told.signal_name == "amend":
                names.append(await decoded(ground, told.input.payloads[0]))
    states = await states_by_packs(ground, order)
    return next(packs for packs in reversed(names) if states[packs] == "applied")


async def decoded(ground: Ground, payload: Any) -> int:
    """The packs that an amendment asks for."""
    from workflows.runtime.payloads import CONVERTER

    [found] = await CONVERTER.decode([payload])
    return int(found["request"]["lines"][0]["quantity"])


async def agreed(ground: Ground, order: Order, packs: int) -> None:
    """Wait until everybody wants so many packs, and nothing is under way."""
    wanted = dict.fromkeys(("ours", "wms", "tms", "erp", "planning"), packs)

    async def same() -> bool:
        await asyncio.sleep(0.1)
        found = await ground.figures(order)
        return {name: found[name] for name in wanted} == wanted

    try:
        await until(same, PATIENCE_S)
    except TimeoutError:
        assert await ground.figures(order) == wanted
    await until(ground.is_at_rest, PATIENCE_S)
    assert await same()


async def ended(ground: Ground, order: Order) -> None:
    """Cancel an order, and wait until everybody knows."""
    assert (await ground.ask(order, "cancel")).status_code in (200, 202)
    await until(lambda: cancelled_everywhere(ground, order), PATIENCE_S)
    await ground.agree()


@pytest.mark.chaos
async def test_a_command_at_the_very_end_is_answered_with_what_became_of_it(ground: Ground) -> None:
    """The task that closes the order is lost, and cancellations come around it."""
    scene, places = ground.scene("ending"), asyncio.Semaphore(AT_ONCE)

    async def one(nth: int) -> tuple[Order, dict[str, httpx.Response]]:
        async with places:
            order = await scene.order({1: 10})
            await order.prepared(1, {1: 10})
            await order.reaches(OrderStatus.SHIPPED)
            lost = ground.proxy.next_task(Fault.FAILED, f"order/{order.key}", said(COMPLETED))
            early = asyncio.create_task(ground.ask(order, "cancel", id="early")) if nth % 2 else None
            await ground.tell(CARRIER, [milestone(order, M.DELIVERED, 1)])
            if not early:
                await lost.hit.wait()
            late = await ground.ask(order, "cancel", id="late")
            return order, {"late": late, **({"early": await early} if early else {})}

    for order, answers in await asyncio.gather(*map(one, range(ENDS))):
        await until(ground.is_at_rest, PATIENCE_S)
        tender = await ground.stage.driver.read(System.TMS, f"/v1/tenders/{order.number}")
        rows = await ground.rows(
            "SELECT external_id, state, reason FROM inbox_message WHERE kind = 'order.cancel' AND workflow_id = %s",
            f"order/{order.key}",
        )
        assert len(rows) == len(answers)
        for row in rows:
            answer = answers[row["external_id"]]
            assert row["state"] in TRUTH[answer.status_code], (answer.text, row)
            if row["state"] == "superseded":
                assert row["reason"], "a refusal says why"
        applied = any(row["state"] == "applied" for row in rows)
        assert bool(tender["intercepted"]) == applied, (order.number, rows)
        await order.reaches(OrderStatus.CLOSED)
    await ground.agree()
