"""Deadlines, most of them on a server whose clock jumps: weeks pass in a moment."""

from datetime import datetime, timedelta

from domain.days import end_of
from schemas.base import System
from schemas.cases.cases import CaseState
from schemas.cases.exceptions import Action, OrderPolicy, Times
from schemas.cases.exceptions import ExceptionKind as X
from schemas.days import EVERY_DAY
from schemas.orders.milestones import MilestoneKind as M
from schemas.orders.release import OrderStatus
from schemas.workflows.commands import ActionRequest, AmendRequest, LineAmendment, Verb
from tests.domain.builders import FULL
from tests.stack.standins import until
from tests.workflows.views import attributes, case_id, case_steps, details, ended, events, most_at_once, opened
from tests.workflows.world import Order, World, centre_story, dead, refusing

DAY_S = 86_400.0
PICK_NOW = Times(pick_least_s=0.5, pick_lead_s=80 * DAY_S)
"""A pick that is due half a second after the release."""


async def fired(order: Order) -> list[datetime]:
    """When its timers fired, UTC."""
    return [at for name, at in await events(order) if name == "TIMER_FIRED"]


async def passed(order: Order) -> list[str]:
    """What was not heard in time, in the order in which it was missed."""
    entries = await order.handle.query("timeline")
    return [entry.removeprefix("deadline passed: no ") for entry in entries if entry.startswith("deadline passed")]


def near(moments: list[datetime], *expected: datetime) -> bool:
    """Whether timers fired when they should: whole seconds are what the server rounds to."""
    pairs = zip(moments, (it.replace(tzinfo=None) for it in expected), strict=True)
    return all(timedelta(seconds=-1) < at - due < timedelta(seconds=5) for at, due in pairs)


async def test_each_wait_is_missed_in_its_turn_by_one_timer(jumping: World) -> None:
    order = await jumping.order()
    await until(lambda: len([s for s in order.steps if "no_scan" in s.conditions]) == 3)
    assert await passed(order) == ["pick", "pick-up", "delivery"]
    promised = end_of(order.start.promise.promised_on, EVERY_DAY)
    assert near(
        await fired(order), promised - timedelta(days=4), promised - timedelta(days=3), promised + timedelta(hours=1)
    )
    history = await events(order)
    assert most_at_once(history) == 1
    assert [name for name, _ in history].count("TIMER_STARTED") == 3
    await until(
        lambda: {it.subject for r in jumping.cases[order.key] for it in r.findings} == {"pick", "pick-up", "delivery"}
    )
    assert (await order.status()).due_at is None, "nothing is waited for any more"
    await order.handle.terminate()


async def test_a_milestone_costs_no_timer(world: World) -> None:
    order = await world.order()
    for event in centre_story(order):
        await order.tell(event)
    await order.handle.result()
    history = await events(order)
    assert [name for name, _ in history].count("TIMER_STARTED") == 1, "the next deadlines are later: it is let run"


async def test_an_earlier_deadline_takes_the_timer_over(world: World) -> None:
    order = await world.order()
    await order.owes_nothing()
    assert (await order.status()).awaited == "pick"
    world.unnamed.add(order.key)
    await order.ask(Verb.ACT, ActionRequest(id="t1", reason="no truck", action=Action.RE_TENDER))
    await order.owes_nothing()
    assert (await order.status()).awaited == "tender answer"
    history = await events(order)
    names = [name for name, _ in history]
    assert (names.count("TIMER_STARTED"), names.count("TIMER_CANCELED"), most_at_once(history)) == (2, 1, 1)
    await order.handle.terminate()


async def test_proof_of_delivery_is_asked_for_then_the_order_closes_without(jumping: World) -> None:
    order = jumping.unreleased(proof_of_delivery_required=True)
    await order.start_with(*centre_story(order))
    assert (await order.handle.result()).status is OrderStatus.CLOSED
    assert await passed(order) == ["proof of delivery", "missing reports"]
    assert near((await fired(order))[-2:], order.began + timedelta(hours=30), order.began + timedelta(hours=54))
    assert [it.findings[0].subject for it in jumping.cases[order.key]] == ["proof of delivery"]


async def test_what_comes_at_last_cures_its_alarm(world: World) -> None:
    order = await world.order(policy=OrderPolicy(times=PICK_NOW))
    record = await opened(order, X.NO_SCAN, "pick")
    assert record.summary.startswith("no pick by ")
    assert "no_scan" in order.steps[-1].conditions
    await order.tell(centre_story(order)[0])
    assert (await ended(order, X.NO_SCAN)).state is CaseState.CURED
    assert order.steps[-1].conditions == ()
    await order.handle.terminate()


async def test_an_edit_of_the_order_does_not_start_a_passed_alarm_again(world: World) -> None:
    order = await world.order(policy=OrderPolicy(times=PICK_NOW))
    record = await opened(order, X.NO_SCAN, "pick")
    timers = [name for name, _ in await events(order)].count("TIMER_STARTED")
    later = order.start.promise.promised_on + timedelta(days=30)
    wish = AmendRequest(id="a1", reason="later", requested_on=later, lines=(LineAmendment(line=1, quantity=60),))
    await order.ask(Verb.AMEND, wish.without_names())
    await order.tell(order.event(M.ALLOCATED, 1))
    assert (await order.status()).promised_on == later
    assert await passed(order) == ["pick"]
    assert case_steps(order, X.NO_SCAN)[-1] == record, "the case goes on, under the clock that it was opened with"
    assert "no_scan" in order.steps[-1].conditions
    assert [name for name, _ in await events(order)].count("TIMER_STARTED") == timers
    await order.handle.terminate()


async def test_a_dead_warehouse_is_missed_and_the_case_cures_itself(world: World) -> None:
    order = world.unreleased(policy=OrderPolicy(times=Times(acknowledgement_s=0.5)))
    world.trouble[order.key, System.WMS] = dead
    await order.release()
    record = await opened(order, X.MISSING_ACK)
    assert record.summary == "no acknowledgement of instruct_warehouse"
    assert "missing_ack" in order.steps[-1].conditions
    assert most_at_once(await events(order)) == 1
    del world.trouble[order.key, System.WMS]
    assert (await ended(order, X.MISSING_ACK)).state is CaseState.CURED, "by the acknowledgement alone"
    assert order.steps[-1].conditions == ()
    await order.handle.terminate()


async def test_what_support_sees_of_waits_cases_and_failures(world: World) -> None:
    order = world.unreleased(policy=OrderPolicy(times=PICK_NOW))
    world.trouble[order.key, System.ERP] = refusing
    await order.release()
    await opened(order, X.NO_SCAN)
    await order.tell(order.event(M.EXCEPTION, 0.5, cause=X.CUSTOMS, reason="papers"))
    await opened(order, X.CUSTOMS)
    await opened(order, X.REFUSED_EFFECT)
    known = [case_id(order, kind) for kind in (X.CUSTOMS, X.NO_SCAN, X.REFUSED_EFFECT)]

    async def shown() -> bool:
        return (await attributes(order)).get("OpenCases") == known

    await until(shown)
    seen, status = await attributes(order), await order.status()
    assert seen["NextMilestone"] == "shipped"
    assert seen["LastFailure"] == status.failure == "erp.report_milestone"
    assert seen["FailureOrigin"] == "erp_rule"
    assert (status.awaited, status.cases) == (
        "somebody to look at what was refused",
        tuple(known),
    )
    assert seen["NextDue"] == status.due_at
    assert seen["NextDue"] > order.began
    page = await details(order)
    assert f"- next: {status.awaited} by {status.due_at:%Y-%m-%d %H:%M} UTC" in page
    for case in known:
        assert f"- open case: {case}" in page
    assert "- last failure: erp.report_milestone (erp_rule)" in page
    await order.handle.terminate()


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
