"""Large orders, many shipments, many reports: they flow, in steps and messages that Temporal takes."""

import os
import signal
from collections.abc import Iterator

import pytest
from temporalio.api.enums.v1 import EventType

from demo.order import Order
from demo.stage import CARRIER
from dispatch.temporal.signalling import MOST_BYTES
from domain.messaging.workflow_health import FAILED_TASKS
from schemas.orders.milestones import Milestone
from schemas.orders.milestones import MilestoneKind as M
from schemas.orders.release import OrderStatus
from tests.heart.conftest import FULL
from tests.heart.ground import PATIENCE_S, WAREHOUSE, Ground, milestone, payload_bytes
from tests.stack.standins import until

LINES = 2_000 if FULL else 500
SCANS = 100
SPLIT_LINES, SHIPMENTS, SCANS_EACH = (500, 300, 16) if FULL else (500, 60, 1)
"""Beside its scans a shipment is picked, packed, shipped and delivered: 6,000 reports, and 300 in the suite."""
WHILE_AWAY = 200
MOST_EVENTS = 10_240
"""Temporal warns from here on."""
MIB = 1024 * 1024
SIGNALED = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED


async def bounded(ground: Ground, order: Order) -> list[int]:
    """Check every run of an order's workflow: few events, small ones. The bytes of its signals."""
    signals: list[int] = []
    for run in await ground.history(order):
        assert len(run) < MOST_EVENTS
        large = {EventType.Name(it.event_type): payload_bytes(it) for it in run if payload_bytes(it) > MIB}
        assert large == {}
        tries = [it.workflow_task_scheduled_event_attributes.attempt for it in run]
        assert max(tries) < FAILED_TASKS, "no task lasts so long that people are called: one may, on a busy machine"
        signals += [payload_bytes(it) for it in run if it.event_type == SIGNALED]
    return signals


async def whole(ground: Ground, name: str, lines: int) -> Order:
    """An order of so many lines of one pack, picked, packed and shipped as one shipment."""
    order = await ground.large(name, lines)
    every = range(1, lines + 1)
    goods = [milestone(order, kind, 1, every) for kind in (M.PICKED, M.PACKED, M.SHIPPED)]
    assert await ground.decided(await ground.tell(WAREHOUSE, goods)) == {"applied": 3}
    return order


@pytest.mark.chaos
async def test_a_batch_of_scans_of_a_large_shipment_goes_through(ground: Ground) -> None:
    order = await whole(ground, "scanned", LINES)
    scans = [milestone(order, M.IN_TRANSIT, 1) for _ in range(SCANS)]
    found = await ground.decided(await ground.tell(CARRIER, scans))
    assert sum(found.values()) == SCANS
    assert not found.get("quarantined")
    answer = await ground.ask(order, "cancel")
    assert answer.status_code in (200, 202, 409), "it is answered, one way or the other"
    told = await ground.tell(CARRIER, [milestone(order, M.DELIVERED, 1)])
    assert await ground.decided(told) == {"applied": 1}
    await until(lambda: over(ground, order), PATIENCE_S)
    await bounded(ground, order)
    await ground.agree()


async def over(ground: Ground, order: Order) -> bool:
    """Whether an order has ended."""
    [row] = await ground.rows("SELECT status FROM order_view WHERE key = %s", order.key)
    return row["status"] in (OrderStatus.CLOSED, OrderStatus.CANCELLED)


def split(order: Order) -> Iterator[tuple[str, Milestone]]:
    """Who tells what of an order whose lines go out in many shipments."""
    for nth in range(1, SHIPMENTS + 1):
        lines = range(nth, SPLIT_LINES + 1, SHIPMENTS)
        for kind in (M.PICKED, M.PACKED, M.SHIPPED):
            yield WAREHOUSE, milestone(order, kind, nth, lines)
    for _ in range(SCANS_EACH):
        for nth in range(1, SHIPMENTS + 1):
            yield CARRIER, milestone(order, M.IN_TRANSIT, nth)
    for nth in range(1, SHIPMENTS + 1):
        yield CARRIER, milestone(order, M.DELIVERED, nth)


@pytest.mark.chaos
async def test_an_order_in_many_shipments_flows(ground: Ground) -> None:
    order = await ground.large("split", SPLIT_LINES)
    reports = list(split(order))
    for partner in (WAREHOUSE, CARRIER):
        await ground.tell(partner, [it for teller, it in reports if teller == partner])
    await until(lambda: over(ground, order), PATIENCE_S)
    await until(ground.is_at_rest, PATIENCE_S)
    states = await ground.rows(
        "SELECT state, reason, count(*)::int AS n FROM event_order WHERE order_key = %s GROUP BY 1, 2", order.key
    )
    assert sum(it["n"] for it in states) == len(reports), states
    assert {it["state"] for it in states} <= {"applied", "superseded"}, states
    [shipments] = await ground.rows(
        "SELECT count(*)::int AS n FROM shipment_order WHERE order_key = %s AND status = 'delivered'", order.key
    )
    assert shipments["n"] == SHIPMENTS
    await bounded(ground, order)
    await ground.agree()


@pytest.mark.chaos
async def test_reports_that_came_while_the_worker_was_down_are_all_taken_in_small_signals(ground: Ground) -> None:
    order = await whole(ground, "away", 500)
    before = ground.stack.restarts.get("worker", 0)
    os.kill(ground.stack.pid("worker"), signal.SIGSTOP)
    try:
        scans = [milestone(order, M.IN_TRANSIT, 1, range(1, 501)) for _ in range(WHILE_AWAY)]
        ids = await ground.tell(CARRIER, scans)
    finally:
        os.kill(ground.stack.pid("worker"), signal.SIGKILL)
    await until(lambda: ground.stack.restarts["worker"] > before and ground.stack.is_ready("worker"), PATIENCE_S)
    found = await ground.decided(ids)
    assert sum(found.values()) == WHILE_AWAY
    assert not found.get("quarantined")
    told = await ground.tell(CARRIER, [milestone(order, M.DELIVERED, 1)])
    assert await ground.decided(told) == {"applied": 1}
    signals = await bounded(ground, order)
    assert len(signals) > 3 + 1 + 1
    assert max(signals) <= MOST_BYTES
    await ground.agree()
