"""Sourcing: where packs come from when a pick comes short, and who carries them when a carrier does not."""

from demo.scene import Scene
from demo.stage import CARRIER, OTHER_SITE, SECOND_CARRIER, SITE, THIRD_CARRIER
from schemas.base import System
from schemas.cases.exceptions import Action, ExceptionKind, OrderPolicy, Reaction, Times
from schemas.messaging.effects import ChangeKind
from schemas.orders.milestones import MilestoneKind as M
from schemas.orders.release import OrderStatus as S
from schemas.workflows.commands import ReplanDecision, Verb, Verdict
from simulators.systems.answers import CallAnswers
from simulators.systems.tms import TenderAnswer


async def short_pick_re_source(scene: Scene) -> None:
    """A pick comes short: by rule the other site sends the rest, with a transport of its own."""
    await scene.order_policy(OrderPolicy(alternates=(OTHER_SITE,)))
    order = await scene.order({1: 100})
    await order.tell(M.SHORT_PICKED, lines={1: 40}, reason="damaged in store")
    await order.wms("40 packs to send", lambda it: it.packs == 40, OTHER_SITE)  # noqa: PLR2004
    await order.wms("60 packs left to send", lambda it: it.packs == 60)  # noqa: PLR2004
    parts = {"": 60, OTHER_SITE: 40}
    await order.tms("two pick-ups", lambda it: {part.site: part.packs for part in it.parts} == parts)
    await order.erp(
        "availability is cut where it failed", lambda it: [(x.site, x.quantity) for x in it.cuts] == [(SITE, 40)]
    )
    await order.erp("re-sourced", lambda it: ChangeKind.RE_SOURCED in {it.change for it in it.changes})
    await order.fulfilled(1, {1: 60})
    await order.fulfilled(2, {1: 40}, site=OTHER_SITE)
    await order.ends(S.CLOSED)


async def short_pick_planner(scene: Scene) -> None:
    """A pick comes short and the policy asks the planner: a case waits until the proposed backorder is accepted."""
    await scene.order_policy(OrderPolicy(on_shortage=(Reaction.PLANNER,)))
    order = await scene.order({1: 100}, days=5)
    await order.tell(M.SHORT_PICKED, lines={1: 40}, reason="stockout")
    await order.case("40 packs short", ExceptionKind.PICK_STOCKOUT, lambda case: case.state == "open")
    asked = await order.proposal("is asked about the shortage")
    await scene.decide(
        ReplanDecision(id=scene.next_id(), proposal=asked.id, verdict=Verdict.ACCEPT, reason="it is due")
    )
    await order.proposal("accepted", "accepted")
    await order.case("is cured", ExceptionKind.PICK_STOCKOUT, lambda case: case.state == "cured")
    await order.erp("promised for the proposed day", lambda it: it.promised_on == asked.proposed_on)
    await order.fulfilled(1, {1: 60})
    await order.fulfilled(2, {1: 40})
    await order.ends(S.CLOSED)


async def tender_rejected(scene: Scene) -> None:
    """The first carrier turns the tender down: it goes to the next ranked one."""
    await scene.order_policy(OrderPolicy(carriers=(CARRIER, SECOND_CARRIER)))
    order = await scene.order({1: 10}, answers={System.TMS: CallAnswers(tender=("pending",))})
    await order.tms("nobody has taken it", lambda it: it.state is TenderAnswer.PENDING)
    await order.tell(M.TENDER_REJECTED, reason="no capacity")
    await order.tms(f"{SECOND_CARRIER} takes it", lambda it: (it.state, it.carrier) == (_TAKEN, SECOND_CARRIER))
    await order.fulfilled(1, {1: 10}, by=SECOND_CARRIER)
    await order.ends(S.CLOSED)
    await order.shows(f"{SECOND_CARRIER} carries it", lambda view: view.carrier == SECOND_CARRIER)


async def tender_timeout(scene: Scene) -> None:
    """No carrier of the list answers in time: a case is open until support names another one."""
    await scene.order_policy(OrderPolicy(carriers=(CARRIER, SECOND_CARRIER), times=Times(tender_answer_s=1)))
    order = await scene.order({1: 10}, answers={System.TMS: CallAnswers(tender=("pending", "pending"))})
    case = await order.case("both were asked", ExceptionKind.TENDER_REJECT, lambda it: it.queue == "transport")
    await order.tms("asked twice, then taken back", lambda it: (it.state, it.attempts) == (TenderAnswer.VOID, 2))
    wish = Action.RE_TENDER
    await order.ask(Verb.ACT, action=wish, carrier=THIRD_CARRIER, case=case.id, reason="bought on the spot market")
    await order.tms(f"{THIRD_CARRIER} takes it", lambda it: (it.state, it.carrier) == (_TAKEN, THIRD_CARRIER))
    await order.case("is cured", ExceptionKind.TENDER_REJECT, lambda it: it.state == "cured")
    await order.fulfilled(1, {1: 10}, by=THIRD_CARRIER)
    await order.ends(S.CLOSED)


_TAKEN = TenderAnswer.ACCEPTED
