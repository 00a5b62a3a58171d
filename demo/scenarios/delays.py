"""Time: what comes late, trembles, or does not come at all."""

from datetime import UTC, datetime, time, timedelta

from demo.order import Order
from demo.scene import Scene
from schemas.base import System
from schemas.cases.exceptions import ExceptionKind, OrderPolicy, Times
from schemas.orders.milestones import MilestoneKind as M
from schemas.orders.release import OrderStatus as S
from simulators.faults import NONE, Faults

A_QUARTER_S = 90 * 86_400.0
"""Seconds of a quarter, as the pick lead: a pick is overdue at once."""


def end_of_promise(order: Order) -> datetime:
    """Midnight at the end of the promised day."""
    return datetime.combine(order.promised_on + timedelta(days=1), time.min, UTC)


async def late_eta(scene: Scene) -> None:
    """A late ETA moves the promise: ERP and customer are told, the planner is asked, and the delivery ends it all."""
    mailbox = f"{scene.name}@example.org"
    order = await scene.order({1: 25}, email=mailbox)
    await order.prepared(1, {1: 25})
    await order.tell(M.DELAYED, 1, eta=end_of_promise(order) + timedelta(days=4, hours=12), reason="port closed")
    day = order.promised_on + timedelta(days=5)
    await order.erp(f"promised for {day}", lambda it: it.promised_on == day)
    await order.case("is with transport", ExceptionKind.DELAY, lambda case: case.queue == "transport")
    await order.proposal("is asked")
    await scene.sent("the customer is told the day", lambda sent: any(mailbox in mail.to for mail in sent.mails))
    await order.carried(1)
    await order.ends(S.CLOSED)
    await order.proposal("the question is taken back", "withdrawn")
    await order.case("is cured", ExceptionKind.DELAY, lambda case: case.state == "cured")


async def trembling_eta(scene: Scene) -> None:
    """An ETA trembles around midnight: three reports are taken in, and neither ERP nor planner is shaken."""
    order = await scene.order({1: 25})
    await order.prepared(1, {1: 25})
    for hours in (1, -1, 2):
        await order.tell(M.DELAYED, 1, eta=end_of_promise(order) + timedelta(hours=hours))
    await order.shows("three ETAs are taken in", lambda view: [it.kind for it in view.timeline].count(M.DELAYED) == 3)  # noqa: PLR2004
    await order.carried(1)
    await order.ends(S.CLOSED)
    await order.erp("the promise never moved", lambda it: it.promised_on is None)
    await order.shows("no case was opened", lambda view: not view.cases)
    await order.shows("one promise was made", lambda view: len(view.promises) == 1)


async def no_scan(scene: Scene) -> None:
    """Nothing is heard of the pick in time: a case asks for it, and is cured by the report that comes at last."""
    await scene.order_policy(OrderPolicy(times=Times(pick_lead_s=A_QUARTER_S, pick_least_s=1)))
    order = await scene.order({1: 5})
    await order.case(
        "is with carrier operations", ExceptionKind.NO_SCAN, lambda case: case.queue == "carrier-operations"
    )
    await order.fulfilled(1, {1: 5})
    await order.case("is cured", ExceptionKind.NO_SCAN, lambda case: case.state == "cured")
    await order.ends(S.CLOSED)


async def missing_ack(scene: Scene) -> None:
    """The warehouse does not acknowledge: a case is open until it answers again, and nothing is sent twice."""
    await scene.order_policy(OrderPolicy(times=Times(acknowledgement_s=1)))
    await scene.stage.driver.befall(System.WMS, Faults(outage=True))
    try:
        order = await scene.order({1: 5}, instructed=False)
        await order.case(
            "is with EDI operations", ExceptionKind.MISSING_ACK, lambda case: case.queue == "edi-operations"
        )
    finally:
        await scene.stage.driver.befall(System.WMS, NONE)
    await order.wms("5 packs to send, told once", lambda it: (it.packs, it.address_version) == (5, 1))
    await order.fulfilled(1, {1: 5})
    await order.case("is cured", ExceptionKind.MISSING_ACK, lambda case: case.state == "cured")
    await order.ends(S.CLOSED)
