"""Scenarios in which people, the ERP or planners change an order that is under way."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

from schemas.base import System
from schemas.cases.exceptions import Action, OrderPolicy, Reaction
from schemas.orders.milestones import MilestoneKind as M
from schemas.orders.milestones import ShippedLine
from schemas.orders.release import Party
from schemas.workflows.commands import (
    ActionRequest,
    AmendRequest,
    HoldRequest,
    LineAmendment,
    ReplanDecision,
    ResumeRequest,
    Substitute,
    Verb,
    Verdict,
)
from tests.domain.builders import FULL
from tests.stack.standins import until
from tests.workflows.world import Order, World, centre_story, refusing

SHORT = (ShippedLine(line=2, quantity=15),)


async def amended(world: World) -> Order:
    """More of one line, another line, another address."""
    order = await world.order()
    wish = AmendRequest(
        id="a1",
        reason="customer called",
        lines=(LineAmendment(line=1, quantity=50), LineAmendment(line=3, item="C", quantity=5)),
        ship_to=Party(id="customer-2", country="FR"),
    )
    await order.ask(Verb.AMEND, wish.without_names())
    lines = (*FULL[1:], ShippedLine(line=1, quantity=50), ShippedLine(line=3, quantity=5))
    await order.tell(
        *(event.model_copy(update={"lines": lines if event.lines else ()}) for event in centre_story(order))
    )
    return order


async def held(world: World) -> Order:
    """Stopped, and resumed."""
    order = await world.order()
    await order.ask(Verb.HOLD, HoldRequest(id="h1", reason="credit limit"))
    await order.ask(Verb.RESUME, ResumeRequest(id="r1", reason="paid"))
    await order.tell(*centre_story(order))
    return order


async def intercepted(world: World) -> Order:
    """Cancelled under way: the carrier brings it back."""
    order = await world.order()
    await order.tell(*centre_story(order)[:3])
    await order.cancel()
    await order.tell(order.event(M.RETURNING, 5))
    await order.come_back("DN-1", *FULL)
    return order


async def compensation_refused(world: World) -> Order:
    """The warehouse refuses to stop; people have it tried again."""
    order = await world.order()
    await order.owes_nothing()
    world.trouble[order.key, System.WMS] = refusing
    await order.cancel()
    await until(lambda: "compensation" in order.open_cases)
    del world.trouble[order.key, System.WMS]
    await order.ask(Verb.ACT, ActionRequest(id="r1", reason="unlocked", action=Action.RETRY))
    return order


async def written_off(world: World) -> Order:
    """What came short is given up."""
    order = await world.order(policy=OrderPolicy(on_shortage=()))
    await order.tell(order.event(M.SHORT_PICKED, 1, shipment="", lines=SHORT))
    await until(lambda: "pick_stockout" in order.open_cases)
    await order.ask(Verb.ACT, ActionRequest(id="w1", reason="agreed", action=Action.WRITE_OFF, lines=SHORT))
    left = (FULL[0], ShippedLine(line=2, quantity=45))
    await order.tell(
        *(event.model_copy(update={"lines": left if event.lines else ()}) for event in centre_story(order))
    )
    return order


async def _asked(world: World) -> Order:
    order = await world.order(policy=OrderPolicy(on_shortage=(Reaction.PLANNER,)))
    await order.tell(order.event(M.SHORT_PICKED, 1, shipment="", lines=SHORT))
    await until(lambda: any(step.proposals for step in order.steps))
    return order


async def planner_accepts(world: World) -> Order:
    """The planner agrees to a backorder."""
    order = await _asked(world)
    decision = ReplanDecision(id="d1", proposal=f"{order.key}/1", verdict=Verdict.ACCEPT, reason="fine")
    await order.handle.signal("replan", order.command(decision))
    await until(lambda: any(step.decided for step in order.steps))
    await order.tell(*centre_story(order))
    return order


async def planner_rejects(world: World) -> Order:
    """The planner rather cancels what is short."""
    order = await _asked(world)
    decision = ReplanDecision(id="d1", proposal=f"{order.key}/1", verdict=Verdict.REJECT, reason="season is over")
    await order.handle.signal("replan", order.command(decision))
    await until(lambda: any(step.decided for step in order.steps))
    left = (FULL[0], ShippedLine(line=2, quantity=45))
    await order.tell(
        *(event.model_copy(update={"lines": left if event.lines else ()}) for event in centre_story(order))
    )
    return order


async def planner_overrides(world: World) -> Order:
    """The planner sends another item, by another carrier, faster, for another day."""
    order = await _asked(world)
    decision = ReplanDecision(
        id="d1",
        proposal=f"{order.key}/1",
        verdict=Verdict.OVERRIDE,
        reason="customer agreed",
        promised_on=(order.began + timedelta(days=12)).date(),
        carrier="carrier-bravo",
        expedite=True,
        substitutes=(Substitute(line=2, item="B2"),),
    )
    await order.handle.signal("replan", order.command(decision))
    await until(lambda: any(step.decided for step in order.steps))
    await order.tell(*centre_story(order))
    return order


COMMANDED: dict[str, Callable[[World], Awaitable[Order]]] = {
    scenario.__name__: scenario
    for scenario in (
        amended,
        held,
        intercepted,
        compensation_refused,
        written_off,
        planner_accepts,
        planner_rejects,
        planner_overrides,
    )
}
