"""Planners: a proposal is accepted, rejected or overridden, and the order and every system follow."""

from datetime import timedelta

from demo.order import Order
from demo.scenarios.delays import end_of_promise
from demo.scene import Scene
from demo.stage import OTHER_SITE
from gateway.views.orders import ProposalView
from schemas.cases.exceptions import ExceptionKind
from schemas.orders.milestones import MilestoneKind as M
from schemas.orders.milestones import ShippedLine
from schemas.orders.release import OrderStatus as S
from schemas.workflows.commands import ReplanDecision, Verdict


async def _asked(order: Order, by: str = "") -> ProposalView:
    await order.tell(M.DELAYED, 1, by=by, eta=end_of_promise(order) + timedelta(days=3, hours=12))
    return await order.proposal("is asked about a delay")


async def planner_accepts(scene: Scene) -> None:
    """The planner accepts a later day: it is the promise now, and the order is late no more."""
    order = await scene.order({1: 25})
    await order.prepared(1, {1: 25})
    asked = await _asked(order)
    await order.case("is open", ExceptionKind.DELAY, lambda case: case.state == "open")
    await scene.decide(ReplanDecision(id=scene.next_id(), proposal=asked.id, verdict=Verdict.ACCEPT, reason="agreed"))
    decided = await order.proposal("accepted", "accepted")
    scene.check(
        "who decided, when and why is kept", (decided.decided_by, decided.decision_reason) == ("planner", "agreed")
    )
    await order.case("is cured", ExceptionKind.DELAY, lambda case: case.state == "cured")
    await order.erp("promised for the proposed day", lambda it: it.promised_on == asked.proposed_on)
    await order.carried(1)
    await order.ends(S.CLOSED)


async def planner_rejects(scene: Scene) -> None:
    """The planner rejects a later day: the order stays late, its case stays open until the delivery."""
    order = await scene.order({1: 25})
    await order.prepared(1, {1: 25})
    asked = await _asked(order)
    await scene.decide(ReplanDecision(id=scene.next_id(), proposal=asked.id, verdict=Verdict.REJECT, reason="hurry"))
    await order.proposal("rejected", "rejected")
    await order.case("is open still", ExceptionKind.DELAY, lambda case: case.state == "open")
    await order.carried(1)
    await order.ends(S.CLOSED)
    await order.case("is cured", ExceptionKind.DELAY, lambda case: case.state == "cured")


async def planner_overrides(scene: Scene) -> None:
    """The planner does something else: the other site sends a part, by express, for a day of the planner's own."""
    order = await scene.order({1: 100})
    await order.tell(M.PICKED, 1, {1: 60})
    asked = await _asked(order, by=order.sender)
    decision = ReplanDecision(
        id=scene.next_id(),
        proposal=asked.id,
        verdict=Verdict.OVERRIDE,
        reason="the clinic cannot wait for all of it",
        site=OTHER_SITE,
        lines=(ShippedLine(line=1, quantity=40),),
        expedite=True,
        promised_on=order.promised_on + timedelta(days=1),
    )
    await scene.decide(decision)
    await order.proposal("overridden", "overridden")
    await order.wms("40 packs to send", lambda it: it.packs == 40, OTHER_SITE)  # noqa: PLR2004
    await order.wms("60 packs left to send", lambda it: it.packs == 60)  # noqa: PLR2004
    await order.tms("by express", lambda it: it.expedite)
    await order.erp("promised for the planner's day", lambda it: it.promised_on == decision.promised_on)
    await order.prepared(1, {1: 60}, (M.PACKED, M.SHIPPED))
    await order.carried(1)
    await order.fulfilled(2, {1: 40}, site=OTHER_SITE)
    await order.ends(S.CLOSED)
