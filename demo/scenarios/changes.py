"""Changes: what the ERP asks of an order under way, and how far every system follows."""

from demo.order import CARRIED
from demo.scene import Scene
from demo.stage import Actors
from gateway.views.orders import OrderView
from schemas.base import System
from schemas.cases.exceptions import Action, ExceptionKind
from schemas.messaging.effects import ChangeKind, Operation
from schemas.orders.milestones import Disposition
from schemas.orders.milestones import MilestoneKind as M
from schemas.orders.release import OrderStatus as S
from schemas.workflows.commands import LineAmendment, Verb
from simulators.systems.answers import CallAnswers
from simulators.systems.tms import TenderAnswer
from simulators.systems.wms import InstructionState


async def amend(scene: Scene) -> None:
    """The ERP changes quantities, lines and the address: each system is told what it is to have now."""
    order = await scene.order({1: 100, 2: 40})
    lines = (
        LineAmendment(line=1, quantity=120),
        LineAmendment(line=2, quantity=0),
        LineAmendment(line=3, quantity=25, item=f"ITEM-{order.number}-3"),
    )
    elsewhere = scene.ship_to(address="2 Second Street")
    await order.ask(
        Verb.AMEND, Actors.ERP, reason="the clinic has moved and needs more", lines=lines, ship_to=elsewhere
    )
    await order.wms("145 packs to a second address", lambda it: (it.packs, it.address_version) == (145, 2))
    await order.tms("145 packs to a second address", lambda it: (it.packs, it.address_version) == (145, 2))
    await order.erp("one amendment", lambda it: [it.change for it in it.changes] == [ChangeKind.AMENDED])
    await order.demand({1: 120, 2: 0, 3: 25})
    await order.prepared(1, {1: 120, 3: 25})
    await order.reaches(S.SHIPPED)
    await order.refuses(Verb.AMEND, "release a new order", Actors.ERP, reason="more", lines=lines[:1])
    await order.carried(1)
    await order.ends(S.CLOSED)


async def hold_resume(scene: Scene) -> None:
    """An order is put on hold and goes on later: warehouse and carrier wait meanwhile."""
    order = await scene.order({1: 30})
    await order.ask(Verb.HOLD, Actors.ERP, reason="credit check")
    await order.wms("holds", lambda it: it.held)
    await order.tms("holds", lambda it: it.held)
    await order.erp("knows that it is held", lambda it: it.held)
    await order.shows("the order is on hold", lambda view: "on_hold" in view.conditions)
    await order.refuses(Verb.HOLD, "on hold already", reason="once more")
    await order.ask(Verb.RESUME, Actors.ERP, reason="paid")
    await order.wms("goes on", lambda it: not it.held)
    await order.tms("goes on", lambda it: not it.held)
    await order.erp("knows that it goes on", lambda it: not it.held)
    await order.fulfilled(1, {1: 30})
    await order.ends(S.CLOSED)


async def cancel_before_pick(scene: Scene) -> None:
    """Cancelled before anything was picked: the warehouse stops, the tender is void, the demand is gone."""
    order = await scene.order({1: 50})
    await order.ask(Verb.CANCEL, Actors.ERP, reason="ordered twice")
    await order.ends(S.CANCELLED)
    await order.wms("stopped, nothing to put away", lambda it: (it.state, it.put_away) == (_STOPPED, 0))
    await order.tms("the tender is void", lambda it: it.state is TenderAnswer.VOID)
    await order.erp("the cancellation is confirmed", lambda it: it.cancelled_because == "ordered twice")
    await order.demand({1: 0})
    await order.refuses(Verb.AMEND, "cancelled", Actors.ERP, reason="no", requested_on=order.promised_on)


async def cancel_after_pick(scene: Scene) -> None:
    """Cancelled when the goods stand packed at the dock: the warehouse puts them away again."""
    order = await scene.order({1: 60}, happens=(M.PICKED, M.PACKED))
    await order.reaches(S.PACKED)
    await order.ask(Verb.CANCEL, Actors.ERP, reason="the tender was lost")
    await order.ends(S.CANCELLED)
    await order.wms("60 packs were put away", lambda it: (it.state, it.put_away) == (_STOPPED, 60))
    await order.tms("the tender is void", lambda it: it.state is TenderAnswer.VOID)
    await order.erp("the cancellation is confirmed", lambda it: it.status is S.CANCELLED)


async def cancel_after_tender(scene: Scene) -> None:
    """A direct drop is cancelled when only its carrier had been booked: the tender is void, no warehouse is asked."""
    order = await scene.order({1: 80}, direct=True)
    await order.tms("the carrier has taken it", lambda it: it.state is TenderAnswer.ACCEPTED)
    await order.ask(Verb.CANCEL, Actors.ERP, reason="no budget")
    await order.ends(S.CANCELLED)
    await order.tms("the tender is void", lambda it: (it.state, it.packs) == (TenderAnswer.VOID, 0))
    await order.erp("the cancellation is confirmed", lambda it: it.status is S.CANCELLED)


async def cancel_under_way(scene: Scene) -> None:
    """Cancelled when the goods are on the road: the carrier brings them back, then the order ends."""
    order = await scene.order({1: 70})
    await order.prepared(1, {1: 70})
    await order.carried(1, CARRIED[:1])
    await order.reaches(S.IN_TRANSIT)
    await order.ask(Verb.CANCEL, Actors.ERP, reason="recalled")
    await order.tms("the shipment is intercepted", lambda it: it.intercepted == (order.shipment(1),))
    await order.shows("the order is being cancelled", lambda view: "cancelling" in view.conditions)
    await order.tell(M.RETURNING, 1)
    rma = order.sender_rma(1)
    await order.wms("the goods are expected back", lambda it: [it.rma for it in it.returns] == [rma])
    await order.comes_back(rma, {1: 70}, Disposition.RESTOCK)
    await order.ends(S.CANCELLED)
    await order.erp("the cancellation is confirmed", lambda it: it.cancelled_because == "recalled")
    await order.planning(1, {"returned": 70})
    await order.demand({1: 0})


async def compensation_refused(scene: Scene) -> None:
    """The warehouse refuses to stop: the cancellation waits, a case has an owner, and a retry finishes it."""
    order = await scene.order({1: 20}, answers={System.WMS: CallAnswers(cancel="refuse")})
    await order.ask(Verb.CANCEL, Actors.ERP, reason="ordered by mistake")
    case = await order.case(
        "is open, and somebody owns it", ExceptionKind.COMPENSATION, lambda it: it.queue is not None
    )
    await order.tms("the tender is void already", lambda it: it.state is TenderAnswer.VOID)
    await order.shows("the ERP has no confirmation yet", lambda view: _outcome(view, _CONFIRMED) == ["planned"])
    await order.meets(System.WMS, CallAnswers(cancel="accept"))
    await order.ask(Verb.ACT, action=Action.RETRY, case=case.id, reason="the truck was unloaded")
    await order.ends(S.CANCELLED)
    await order.wms("stopped", lambda it: it.state is _STOPPED)
    await order.erp("the cancellation is confirmed", lambda it: it.status is S.CANCELLED)
    await order.case("is cured", ExceptionKind.COMPENSATION, lambda it: it.state == "cured")


def _outcome(order: OrderView, operation: Operation) -> list[str]:
    return [effect.outcome for effect in order.effects or () if effect.operation == operation]


_CONFIRMED = Operation.CONFIRM_CANCELLATION
_STOPPED = InstructionState.CANCELLED
