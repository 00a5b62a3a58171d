"""The planner: asked when a promise slips, and followed by the order and every system, or told why it is too late."""

from datetime import date, timedelta
from typing import Any

import pytest

from schemas.base import Role
from schemas.cases.cases import CaseState
from schemas.cases.exceptions import ExceptionKind as X
from schemas.cases.exceptions import OrderPolicy, Reaction
from schemas.messaging.effects import ChangeKind, Effect, LineTarget, Operation
from schemas.orders.milestones import MilestoneEvent
from schemas.orders.milestones import MilestoneKind as M
from schemas.orders.release import OrderStatus
from schemas.planning.proposals import ProposalKind
from schemas.workflows.commands import ReplanDecision, Substitute, Verdict
from tests.domain.builders import FULL
from tests.stack.standins import until
from tests.workflows.views import (
    attributes,
    case_steps,
    changes,
    decided,
    ended,
    opened,
    packs,
    proposals,
    resolve,
    subjects,
)
from tests.workflows.world import Order, World, centre_story
from workflows.orders.order import OrderWorkflow

SHORT = packs(line2=15)
ASKING = OrderPolicy(on_shortage=(Reaction.PLANNER,))


def day(order: Order, days: int) -> date:
    """A day, counted from the first promise."""
    return order.start.promise.promised_on + timedelta(days=days)


def eta(order: Order, days: float, hours: float = 0.1) -> MilestoneEvent:
    """Somebody expects the whole order at noon of a day, counted from the first promise."""
    noon = order.began.replace(hour=12, minute=0) + (day(order, 0) - order.began.date())
    about = {"shipment": "", "eta": noon + timedelta(days=days), "name": f"eta.{hours}"}
    return order.event(M.DELAYED, hours, **about)


async def delayed(world: World, **changes: Any) -> Order:
    """An order that is expected five days late, and whose planner has been asked."""
    order = await world.order(**changes)
    await order.owes_nothing()
    await order.tell(eta(order, 5))
    assert [it.id for it in proposals(order)] == [f"{order.key}/1"]
    return order


async def short(world: World) -> Order:
    """An order of which fifteen packs are short, and whose planner has been asked."""
    order = await world.order(policy=ASKING)
    await order.owes_nothing()
    await order.tell(order.event(M.SHORT_PICKED, 0.1, shipment="", lines=SHORT, reason="stockout"))
    return order


async def decide(
    order: Order, verdict: Verdict, name: str = "d1", proposal: int = 1, role: Role = Role.PLANNING, **instead: Any
) -> list[str | None]:
    """The planner decides. Why it was superseded; None when the order follows."""
    decision = ReplanDecision(
        id=name, proposal=f"{order.key}/{proposal}", verdict=verdict, reason="capacity in week 30", **instead
    )
    await order.handle.signal(OrderWorkflow.replan, order.command(decision, role))
    await until(lambda: bool(order.outcome(f"replan {name}")))
    await order.owes_nothing()
    return order.outcome(f"replan {name}")


def told(order: Order, *operations: Operation) -> list[Effect[Any]]:
    """What systems were told after the release."""
    return [it for it in order.world.done[order.key] if it.operation in operations and "replan/" in it.key]


async def test_a_delay_that_matters_is_asked_about_and_seen(world: World) -> None:
    order = await delayed(world)
    [asked] = proposals(order)
    assert (asked.kind, asked.promised_on, asked.proposed_on) == (ProposalKind.DELAY, day(order, 0), day(order, 5))
    assert asked.summary == f"promised {day(order, 0)}, expected {day(order, 5)}: re-plan?"
    assert (await opened(order, X.DELAY, "major")).summary == f"5 days late: promised now {day(order, 5)}"
    await order.owes_nothing()
    [redate] = order.carried(Operation.REDATE_PROMISE)
    assert redate.payload.promised_on == day(order, 5)
    seen = await attributes(order)
    assert seen["ExceptionKinds"] == ["delayed"]
    assert seen["PromisedAt"].date() == day(order, 5)
    assert seen["Eta"].date() == day(order, 5)
    assert seen["DelayMinutes"] == 4 * 24 * 60 + 12 * 60, "from the end of the promised day"
    await order.tell(eta(order, 0, 0.2))
    assert (await ended(order, X.DELAY)).state is CaseState.CURED
    assert [(it.state, it.by, it.reason) for it in decided(order)] == [
        ("withdrawn", "syncline", "it has settled itself")
    ]
    await order.owes_nothing()
    assert "ExceptionKinds" not in await attributes(order), "none is left"
    await order.handle.terminate()


async def test_a_delay_that_was_resolved_is_raised_again_when_it_is_far_worse_and_its_figures_follow(
    world: World,
) -> None:
    order = await delayed(world)
    await order.tell(eta(order, 9, 0.2))
    assert (await opened(order, X.DELAY, "severe")).summary.startswith("9 days late")
    await resolve(order, X.DELAY)
    await order.tell(eta(order, 10, 0.3))
    assert subjects(order, X.DELAY) == set(), "people know of a delay like this"
    await order.tell(eta(order, 100, 0.4))
    record = await opened(order, X.DELAY, "severe")
    assert (record.reopened, record.summary.split(":")[0]) == (1, "100 days late")
    await order.tell(eta(order, 104, 0.5))
    await until(lambda: case_steps(order, X.DELAY)[-1].summary.startswith("104 days late"))
    await order.handle.terminate()


async def test_an_eta_that_trembles_around_midnight_is_told_to_nobody(world: World) -> None:
    order = await world.order()
    await order.owes_nothing()
    quarter_past = eta(order, 0.5, 0.1)
    for number in range(12):
        minutes = 90 if number % 2 else -90
        word = eta(order, 0.5, 0.1 + number / 100)
        assert word.eta is not None
        await order.tell(word.model_copy(update={"eta": word.eta + timedelta(minutes=minutes)}))
    assert quarter_past.eta is not None
    assert quarter_past.eta.hour == 0, "the middle of it is the midnight after the promised day"
    assert not order.carried(Operation.REDATE_PROMISE)
    assert not proposals(order)
    assert not world.cases[order.key]
    assert not [d for s in order.steps for d in s.deltas if d.kind == M.DELAYED], "planning is not shaken"
    assert (await order.status()).promised_on == day(order, 0)
    await order.tell(eta(order, 5, 2))
    for number in range(6):
        word = eta(order, 5.5, 3 + number / 100)
        assert word.eta is not None
        await order.tell(word.model_copy(update={"eta": word.eta + timedelta(minutes=90 if number % 2 else -90)}))
    await order.owes_nothing()
    assert [it.payload.promised_on for it in order.carried(Operation.REDATE_PROMISE)] == [day(order, 5)]
    assert len(proposals(order)) == 1
    await order.handle.terminate()


async def test_accepting_a_delay_keeps_the_day_that_was_proposed(world: World) -> None:
    order = await delayed(world)
    await opened(order, X.DELAY)
    assert await decide(order, Verdict.ACCEPT) == [None]
    [record] = decided(order)
    assert (record.id, record.state, record.by, record.reason) == (
        f"{order.key}/1",
        "accepted",
        "sam",
        "capacity in week 30",
    )
    assert record.at >= order.began
    assert (await order.status()).promised_on == day(order, 5)
    assert (await ended(order, X.DELAY)).state is CaseState.CURED, "what was agreed is not late any more"
    await order.tell(eta(order, 4, 0.5), eta(order, 6, 0.6))
    assert len(proposals(order)) == 1, "only a promise that slips by enough more is asked about again"
    await order.tell(eta(order, 9, 0.7))
    assert [it.proposed_on for it in proposals(order)] == [day(order, 5), day(order, 9)]
    await order.handle.terminate()


async def test_accepting_a_shortage_backorders_it(world: World) -> None:
    order = await short(world)
    [asked] = proposals(order)
    assert await decide(order, Verdict.ACCEPT) == [None]
    [later] = changes(order, ChangeKind.BACKORDERED)
    assert (later.payload.lines, later.payload.promised_on) == (SHORT, asked.proposed_on)
    assert (await ended(order, X.PICK_STOCKOUT)).state is CaseState.CURED
    assert [it.state for it in decided(order)] == ["accepted"]
    await order.tell(*centre_story(order))
    assert (await order.handle.result()).status is OrderStatus.CLOSED


async def test_rejecting_a_delay_leaves_it_with_the_transport(world: World) -> None:
    order = await delayed(world)
    before = len(order.done)
    assert await decide(order, Verdict.REJECT) == [None]
    assert [(it.state, it.by) for it in decided(order)] == [("rejected", "sam")]
    await order.owes_nothing()
    assert len(order.done) <= before + 1
    assert not told(order, *Operation), "nothing changes"
    await opened(order, X.DELAY)
    assert await decide(order, Verdict.ACCEPT, "d2") == ["the proposal was answered before, or has been withdrawn"]
    await order.tell(eta(order, 6, 0.5))
    assert len(proposals(order)) == 1, "a day more is no new question"
    await order.tell(eta(order, 9, 0.6))
    assert [it.proposed_on for it in proposals(order)] == [day(order, 5), day(order, 9)]
    await order.handle.terminate()


async def test_rejecting_a_shortage_cancels_what_is_short(world: World) -> None:
    order = await short(world)
    await opened(order, X.PICK_STOCKOUT)
    assert await decide(order, Verdict.REJECT) == [None]
    assert [it.payload.lines for it in changes(order, ChangeKind.CLOSED_SHORT)] == [SHORT]
    assert (order.line(2).ordered, order.line(2).cancelled) == (60, 15)
    assert (await ended(order, X.PICK_STOCKOUT)).state is CaseState.CURED
    left = packs(line1=40, line2=45)
    await order.tell(*(it.model_copy(update={"lines": it.lines and left}) for it in centre_story(order)))
    assert (await order.handle.result()).status is OrderStatus.CLOSED
    order.quantities_add_up()


# Overrides


async def test_another_day(world: World) -> None:
    order = await delayed(world)
    await opened(order, X.DELAY)
    assert await decide(order, Verdict.OVERRIDE, promised_on=day(order, 8)) == [None]
    [redate] = told(order, Operation.REDATE_PROMISE)
    assert redate.payload.promised_on == day(order, 8)
    assert [(it.state, it.by, it.reason) for it in decided(order)] == [("overridden", "sam", "capacity in week 30")]
    assert {line.promised_on for line in order.steps[-1].lines} == {day(order, 8)}
    assert (await ended(order, X.DELAY)).state is CaseState.CURED
    await order.handle.terminate()


@pytest.mark.parametrize("lines", [(), packs(line2=20)])
async def test_another_site_or_a_part_from_it(world: World, lines: Any) -> None:
    order = await delayed(world)
    assert await decide(order, Verdict.OVERRIDE, site="HAM", lines=lines) == [None]
    what = lines or FULL
    [part] = told(order, Operation.INSTRUCT_WAREHOUSE)
    assert (part.topic.site, [(it.line, it.quantity) for it in part.payload.targets]) == (
        "HAM",
        [(x.line, x.quantity) for x in what],
    )
    [less] = told(order, Operation.AMEND_WAREHOUSE)
    whole = {it.line: it.quantity for it in FULL}
    left = [(it.line, whole[it.line] - it.quantity) for it in what]
    assert [(it.line, it.quantity) for it in less.payload.targets] == left
    packs = sum(it.quantity for it in what)
    assert [(it.topic.site, it.payload.packs) for it in told(order, Operation.TENDER_TRANSPORT)] == [("HAM", packs)]
    assert [(it.topic.site, it.payload.lines) for it in changes(order, ChangeKind.RE_SOURCED)] == [("HAM", what)]
    assert [it.state for it in decided(order)] == ["overridden"]
    await order.handle.terminate()


async def test_another_site_for_what_is_short(world: World) -> None:
    order = await short(world)
    await opened(order, X.PICK_STOCKOUT)
    assert await decide(order, Verdict.OVERRIDE, site="HAM") == [None]
    [part] = told(order, Operation.INSTRUCT_WAREHOUSE)
    assert (part.topic.site, [(it.line, it.quantity) for it in part.payload.targets]) == (
        "HAM",
        [(x.line, x.quantity) for x in SHORT],
    )
    assert (await ended(order, X.PICK_STOCKOUT)).state is CaseState.CURED
    await order.handle.terminate()


async def test_another_carrier(world: World) -> None:
    order = await delayed(world)
    assert await decide(order, Verdict.OVERRIDE, carrier="carrier-express") == [None]
    assert [
        (it.operation, getattr(it.payload, "carrier", "")) for it in order.world.done[order.key] if it.system == "tms"
    ] == [
        ("tender_transport", ""),
        ("void_tender", ""),
        ("tender_transport", "carrier-express"),
    ]
    await order.tell(centre_story(order)[0])
    assert order.steps[-1].carrier == "carrier-express"
    await order.handle.terminate()


async def test_a_faster_service(world: World) -> None:
    order = await delayed(world)
    assert await decide(order, Verdict.OVERRIDE, expedite=True, promised_on=day(order, 2)) == [None]
    [faster] = told(order, Operation.AMEND_TENDER)
    assert (faster.payload.expedite, faster.payload.promised_on) == (True, day(order, 2))
    assert [it.payload.promised_on for it in told(order, Operation.REDATE_PROMISE)] == [day(order, 2)]
    await order.handle.terminate()


async def test_another_item(world: World) -> None:
    order = await short(world)
    await opened(order, X.PICK_STOCKOUT)
    assert await decide(order, Verdict.OVERRIDE, substitutes=(Substitute(line=2, item="B2"),)) == [None]
    swap = (LineTarget(line=2, item="B", quantity=0), LineTarget(line=2, item="B2", quantity=60))
    assert [it.payload.targets for it in told(order, Operation.AMEND_WAREHOUSE)] == [swap]
    assert [it.payload.targets for it in changes(order, ChangeKind.SUBSTITUTED)] == [swap]
    wanted = [{x.item: x.packs for x in s.demand} for s in order.steps if s.demand is not None]
    assert (wanted[0], wanted[-1]) == ({"A": 40, "B": 60}, {"A": 40, "B2": 60})
    assert order.line(2).item == "B2"
    assert (await ended(order, X.PICK_STOCKOUT)).state is CaseState.CURED
    await order.tell(*centre_story(order))
    assert (await order.handle.result()).status is OrderStatus.CLOSED


# Too late


async def test_what_comes_too_late_is_superseded_with_the_reason(world: World) -> None:
    order = await delayed(world)
    await order.tell(*centre_story(order)[:3])
    left = "the goods have left: carrier and service can no longer be changed"
    assert await decide(order, Verdict.OVERRIDE, "d1", carrier="carrier-express") == [left]
    assert await decide(order, Verdict.OVERRIDE, "d2", expedite=True) == [left]
    picked = "everything has been picked: split before the pick, or write off what is missing"
    assert await decide(order, Verdict.OVERRIDE, "d3", site="HAM") == [picked]
    no_line = "line 2 is not open for a substitute"
    assert await decide(order, Verdict.OVERRIDE, "d4", substitutes=(Substitute(line=2, item="B2"),)) == [no_line]
    assert not told(order, *Operation)
    assert not decided(order), "the proposal waits for a decision that can be followed"
    assert f"replan by sam: {left}" in await order.handle.query("timeline")
    await order.tell(*centre_story(order)[3:])
    await order.handle.result()
    assert [(it.state, it.reason) for it in decided(order)] == [("withdrawn", "the order has ended")]


async def test_a_decision_is_the_planners(world: World) -> None:
    order = await delayed(world)
    [why] = await decide(order, Verdict.ACCEPT, role=Role.ERP)
    assert why == "replan is for admin, planning, support; it was asked by erp"
    assert await decide(order, Verdict.ACCEPT, "d2", proposal=7) == [
        "the proposal was answered before, or has been withdrawn"
    ]
    assert not decided(order)
    await order.handle.terminate()


async def test_a_decision_that_comes_twice_is_followed_once(restless: World) -> None:
    order = await delayed(restless)
    assert await decide(order, Verdict.OVERRIDE, carrier="carrier-express") == [None]
    for number in range(5):
        await order.tell(order.event(M.PICKED, 1 + number / 10, lines=FULL, name=f"picked-{number}"))
    decision = ReplanDecision(
        id="d1", proposal=f"{order.key}/1", verdict=Verdict.OVERRIDE, reason="again", carrier="carrier-express"
    )
    await order.handle.signal(OrderWorkflow.replan, order.command(decision, Role.PLANNING))
    await order.tell(order.event(M.PACKED, 2, lines=FULL))
    await order.owes_nothing()
    first, second = dict.fromkeys(order.outcome("replan d1"))
    assert first is None and second and "carried out under the id d1" in second
    assert set(order.done) >= {"tender_transport/2"}
    assert not any(key == "tender_transport/3" for key in order.done)
    await order.handle.terminate()
