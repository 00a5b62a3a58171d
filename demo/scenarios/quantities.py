"""Quantities: splits, backorders, consolidation, and packs that are too few or too many."""

from demo.order import PREPARED
from demo.scene import Scene
from schemas.cases.exceptions import Action, ExceptionKind
from schemas.messaging.effects import ChangeKind
from schemas.orders.milestones import MilestoneKind as M
from schemas.orders.milestones import ShippedLine
from schemas.orders.release import OrderStatus as S
from schemas.workflows.commands import Verb


async def partial_pick(scene: Scene) -> None:
    """A part is picked, and of that not all leaves: a case is open until the rest has followed."""
    order = await scene.order({1: 100})
    await order.prepared(1, {1: 60}, PREPARED[:2])
    await order.tell(M.SHIPPED, 1, {1: 50})
    await order.case("10 packs stayed behind", ExceptionKind.SHORT_SHIP, lambda case: case.state == "open")
    await order.shows("60 are picked, 50 have left", lambda v: (v.lines[0].picked, v.lines[0].shipped) == (60, 50))
    await order.prepared(2, {1: 50})
    await order.case("is cured", ExceptionKind.SHORT_SHIP, lambda case: case.state == "cured")
    await order.carried(1)
    await order.carried(2)
    await order.ends(S.CLOSED)
    await order.erp("two goods issues of 50", lambda it: [_packs(it.lines) for it in it.goods_issues] == [50, 50])


async def corrected_goods_issue(scene: Scene) -> None:
    """The warehouse corrects how much has left: what was posted is reversed and posted anew in every book."""
    order = await scene.order({1: 100})
    await order.prepared(1, {1: 100}, PREPARED[:2])
    counted = await order.tell(M.SHIPPED, 1, {1: 100})
    await order.erp("a goods issue of 100", lambda it: [_packs(it.lines) for it in it.goods_issues] == [100])
    await order.tell(M.SHIPPED, 1, {1: 90}, corrects=counted)
    await order.erp("a goods issue of 90 instead", lambda it: [_packs(it.lines) for it in it.goods_issues] == [90])
    await order.shows("90 have left", lambda view: view.lines[0].shipped == 90)  # noqa: PLR2004
    await order.prepared(2, {1: 10})
    await order.carried(1)
    await order.carried(2)
    await order.ends(S.CLOSED)
    await order.erp("10 more have left", lambda it: [_packs(it.lines) for it in it.goods_issues] == [90, 10])


async def several_shipments(scene: Scene) -> None:
    """Two lines leave in two shipments: the order is where its slowest line is."""
    order = await scene.order({1: 100, 2: 50})
    await order.fulfilled(1, {1: 100})
    await order.shows("line 1 is delivered", lambda view: view.lines[0].delivered == 100)  # noqa: PLR2004
    await order.shows("line 2 has not moved", lambda view: (view.status, view.lines[1].shipped) == (S.PROMISED, 0))
    await order.fulfilled(2, {2: 50})
    await order.ends(S.CLOSED)
    await order.erp("two goods issues", lambda it: [_packs(it.lines) for it in it.goods_issues] == [100, 50])


async def backorder(scene: Scene) -> None:
    """A pick comes short and no other site can help: the rest is promised anew and follows later."""
    order = await scene.order({1: 100}, days=5)
    await order.tell(M.SHORT_PICKED, lines={1: 40}, reason="stockout")
    await order.erp(
        "availability is cut", lambda it: [(it.quantity, it.reason) for it in it.cuts] == [(40, "stockout")]
    )
    await order.erp("the line has a later day", lambda it: (it.promised_on or order.promised_on) > order.promised_on)
    await order.planning(1, {"short_picked": 40})
    await order.fulfilled(1, {1: 60})
    await order.shows(
        "60 are delivered, the rest is open", lambda v: (v.status, v.lines[0].delivered) == (S.PROMISED, 60)
    )
    await order.fulfilled(2, {1: 40})
    await order.ends(S.CLOSED)


async def rest_cancelled(scene: Scene) -> None:
    """A backorder is not wanted any more: the line is closed short, and delivered packs stay."""
    order = await scene.order({1: 100})
    await order.tell(M.SHORT_PICKED, lines={1: 40}, reason="stockout")
    await order.fulfilled(1, {1: 60})
    await order.shows("60 are delivered", lambda view: view.lines[0].delivered == 60)  # noqa: PLR2004
    rest = (ShippedLine(line=1, quantity=40),)
    await order.ask(Verb.ACT, action=Action.WRITE_OFF, lines=rest, reason="the customer does not wait for it")
    await order.ends(S.CLOSED)
    await order.shows("60 delivered, 40 cancelled", lambda v: (v.lines[0].delivered, v.lines[0].cancelled) == (60, 40))
    await order.wms("60 packs to send", lambda it: it.packs == 60)  # noqa: PLR2004
    await order.erp("closed short", lambda it: ChangeKind.CLOSED_SHORT in {it.change for it in it.changes})
    await order.demand({1: 0})


async def several_orders_one_shipment(scene: Scene) -> None:
    """Two orders leave on one shipment: what its carrier tells reaches both, each with its own lines."""
    first, second = await scene.order({1: 30}), await scene.order({1: 20})
    along = (ShippedLine(line=1, quantity=20, order=second.number),)
    for kind in PREPARED:
        await first.tell(kind, 1, {1: 30}, along=along)
    await first.carried(1)
    await first.ends(S.CLOSED)
    await second.ends(S.CLOSED)
    await first.erp("30 packs left", lambda it: [_packs(it.lines) for it in it.goods_issues] == [30])
    await second.erp("20 packs left", lambda it: [_packs(it.lines) for it in it.goods_issues] == [20])


async def merge_in_transit(scene: Scene) -> None:
    """Two shipments are merged under way: from then on both travel in a third, and are delivered with it."""
    order = await scene.order({1: 40, 2: 60})
    await order.prepared(1, {1: 40})
    await order.prepared(2, {2: 60})
    await order.reaches(S.SHIPPED)
    await order.tell(M.CONSOLIDATED, 3, {1: 40, 2: 60}, merges=(order.shipment(1), order.shipment(2)))
    await order.carried(3)
    await order.ends(S.CLOSED)
    await order.shows("both lines are delivered", lambda view: [line.delivered for line in view.lines] == [40, 60])
    await order.erp("two goods issues", lambda it: [_packs(it.lines) for it in it.goods_issues] == [40, 60])


async def over_ship(scene: Scene) -> None:
    """More packs leave than were ordered: receiving holds the surplus, and closes the case when it has decided."""
    order = await scene.order({1: 100})
    await order.fulfilled(1, {1: 110})
    case = await order.case(
        "10 packs too many, for receiving", ExceptionKind.OVER_SHIP, lambda it: it.queue == "receiving"
    )
    await scene.work_on(case, "resolve", "the surplus goes back with the next truck")
    await order.case("is resolved", ExceptionKind.OVER_SHIP, lambda it: it.state == "resolved")
    await order.ends(S.CLOSED)
    await order.shows("no more than ordered counts", lambda view: view.lines[0].delivered == 100)  # noqa: PLR2004


async def pod_mismatch(scene: Scene) -> None:
    """The consignee signs for less than left: the invoice is held until the difference is written off."""
    order = await scene.order({1: 100}, proof=True)
    await order.prepared(1, {1: 100})
    await order.carried(1, (M.IN_TRANSIT,))
    await order.tell(M.PROOF_OF_DELIVERY, 1, {1: 95})
    await order.erp("the invoice is held", lambda it: it.invoice_held)
    case = await order.case("is with billing", ExceptionKind.POD_MISMATCH, lambda it: it.queue == "billing")
    await order.ask(Verb.ACT, action=Action.WRITE_OFF, case=case.id, reason="5 packs were lost on the road")
    await order.erp("the invoice is free", lambda it: not it.invoice_held)
    await order.case("is cured", ExceptionKind.POD_MISMATCH, lambda it: it.state == "cured")
    await order.tell(M.DELIVERED, 1)
    await order.ends(S.CLOSED)


def _packs(lines: tuple[ShippedLine, ...]) -> int:
    return sum(line.quantity for line in lines)
