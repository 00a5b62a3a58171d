"""Troubles on the road: what a carrier reports, who looks after it, and what ends it."""

from datetime import timedelta

from demo.order import PREPARED, Order
from demo.scene import Scene
from schemas.cases.exceptions import Action, ExceptionKind
from schemas.messaging.effects import ChangeKind
from schemas.orders.milestones import MilestoneKind as M
from schemas.orders.milestones import ShippedLine
from schemas.orders.release import OrderStatus as S
from schemas.workflows.commands import Verb


async def _on_the_road(order: Order, packs: int) -> None:
    await order.prepared(1, {1: packs}, PREPARED)
    await order.carried(1, (M.IN_TRANSIT,))
    await order.reaches(S.IN_TRANSIT)


async def address(scene: Scene) -> None:
    """The carrier cannot find the address: the customer is asked by mail, and the case is cured when it is cleared."""
    mailbox = f"{scene.name}@example.org"
    order = await scene.order({1: 12}, email=mailbox)
    await _on_the_road(order, 12)
    await order.tell(M.EXCEPTION, 1, cause=ExceptionKind.ADDRESS, reason="A5")
    await order.case("is with customer service", ExceptionKind.ADDRESS, lambda case: case.queue == "customer-service")
    await scene.sent("the customer is asked by mail", lambda sent: any(mailbox in mail.to for mail in sent.mails))
    await order.tell(M.CLEARED, 1, cause=ExceptionKind.ADDRESS, reason="the customer called")
    await order.case("is cured", ExceptionKind.ADDRESS, lambda case: case.state == "cured")
    await order.carried(1, (M.OUT_FOR_DELIVERY, M.DELIVERED))
    await order.ends(S.CLOSED)


async def customs(scene: Scene) -> None:
    """Customs wants papers: compliance promises a later day, and the goods go on when they are cleared."""
    order = await scene.order({1: 15})
    await _on_the_road(order, 15)
    await order.tell(M.EXCEPTION, 1, cause=ExceptionKind.CUSTOMS, reason="certificate of origin is missing")
    case = await order.case("is with compliance", ExceptionKind.CUSTOMS, lambda it: it.queue == "compliance")
    later = order.promised_on + timedelta(days=2)
    await order.ask(Verb.ACT, action=Action.RESCHEDULE, promised_on=later, case=case.id, reason="papers take two days")
    await order.erp(f"promised for {later}", lambda it: it.promised_on == later)
    await order.tell(M.CLEARED, 1, cause=ExceptionKind.CUSTOMS)
    await order.case("is cured", ExceptionKind.CUSTOMS, lambda it: it.state == "cured")
    await order.carried(1, (M.DELIVERED,))
    await order.ends(S.CLOSED)


async def damage(scene: Scene) -> None:
    """Packs are damaged on the road: claims writes them off, and the rest is delivered."""
    order = await scene.order({1: 100})
    await _on_the_road(order, 100)
    await order.tell(M.EXCEPTION, 1, {1: 10}, cause=ExceptionKind.DAMAGE, reason="A9: a wet pallet")
    case = await order.case("is with claims", ExceptionKind.DAMAGE, lambda it: it.queue == "claims")
    lost = (ShippedLine(line=1, quantity=10),)
    await order.ask(Verb.ACT, action=Action.WRITE_OFF, lines=lost, case=case.id, reason="claimed from the carrier")
    await order.erp("closed short", lambda it: ChangeKind.CLOSED_SHORT in {it.change for it in it.changes})
    await order.case("is cured", ExceptionKind.DAMAGE, lambda it: it.state == "cured")
    await order.tell(M.DELIVERED, 1, {1: 90})
    await order.ends(S.CLOSED)
    await order.shows("90 delivered, 10 cancelled", lambda v: (v.lines[0].delivered, v.lines[0].cancelled) == (90, 10))
    await order.planning(1, {"shipped": 100})
    await order.demand({1: 0})


async def temperature(scene: Scene) -> None:
    """A cold chain is broken: quality takes the case at once and releases the goods when the loggers were read."""
    order = await scene.order({1: 8})
    await _on_the_road(order, 8)
    await order.tell(M.EXCEPTION, 1, cause=ExceptionKind.TEMPERATURE, reason="9 °C for 40 minutes")
    case = await order.case("is with quality", ExceptionKind.TEMPERATURE, lambda it: it.queue == "quality")
    await scene.work_on(case, "acknowledge", "the loggers are being read")
    await order.case("is acknowledged", ExceptionKind.TEMPERATURE, lambda it: it.acknowledged_at is not None)
    await order.tell(M.CLEARED, 1, cause=ExceptionKind.TEMPERATURE, reason="within the stability budget")
    await order.case("is cured", ExceptionKind.TEMPERATURE, lambda it: it.state == "cured")
    await order.carried(1, (M.DELIVERED,))
    await order.ends(S.CLOSED)
