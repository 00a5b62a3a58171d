"""Deadlines, on a server whose clock jumps: weeks pass in a moment."""

from datetime import timedelta

from schemas.milestones import MilestoneKind as M
from schemas.orders import OrderStatus
from tests.domain.builders import FULL
from tests.stack.standins import until
from tests.workflow.world import World, centre_story


async def test_no_delivery_scan_is_a_condition(jumping: World) -> None:
    order = await jumping.order()
    await until(lambda: ("no_scan",) in [step.conditions for step in order.steps])
    await order.tell(*centre_story(order))
    assert (await order.handle.result()).status is OrderStatus.CLOSED
    assert order.steps[-1].conditions == ()


async def test_a_delay_moves_the_deadline(jumping: World) -> None:
    order = jumping.unreleased()
    eta = order.began + timedelta(days=30)
    await order.start_with(order.event(M.SHIPPED, 1, lines=FULL), order.event(M.DELAYED, 2, eta=eta))
    await until(lambda: any("no_scan" in step.conditions for step in order.steps))
    fired = [
        event.event_time.ToDatetime().date()
        async for event in order.handle.fetch_history_events()
        if event.HasField("timer_fired_event_attributes")
    ]
    assert fired[-1] == eta.date() + timedelta(days=1), "an hour after the end of the day that is promised now"
    assert [s.conditions for s in order.steps if "no_scan" in s.conditions] == [("delayed", "no_scan")]
    await order.handle.terminate()


async def test_a_delivered_order_closes_without_reports_that_never_come(jumping: World) -> None:
    order = jumping.unreleased()
    await order.start_with(order.event(M.SHIPPED, 1, lines=FULL), order.event(M.DELIVERED, 2))
    outcome = await order.handle.result()
    assert outcome.status is OrderStatus.CLOSED
    assert order.steps[-2].status in (OrderStatus.DELIVERED, OrderStatus.CLOSED)
    timeline = await order.handle.query("timeline")
    assert "deadline passed: no missing reports" in timeline


async def test_an_order_that_replays_the_past_is_not_timed(jumping: World) -> None:
    order = await jumping.order(clock="events")
    await order.owes_nothing()
    await order.tell(*centre_story(order))
    await order.handle.result()
    timers = [
        event async for event in order.handle.fetch_history_events() if event.HasField("timer_started_event_attributes")
    ]
    assert timers == []
