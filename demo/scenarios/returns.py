"""Returns: goods that a customer sends back, and goods that a carrier brings back."""

from demo.order import CARRIED, RETURNS
from demo.scene import Scene
from demo.stage import Actors
from schemas.messaging.effects import ChangeKind
from schemas.orders.milestones import Disposition, ShippedLine
from schemas.orders.milestones import MilestoneKind as M
from schemas.orders.release import OrderStatus as S
from schemas.workflows.returns import ReturnState


async def customer_return(scene: Scene) -> None:
    """A customer sends packs back: they are collected, received and inspected, and credited to the last pack."""
    order = await scene.order({1: 50})
    await order.fulfilled(1, {1: 50})
    await order.ends(S.CLOSED)
    rma, packs = f"RMA-{order.number}", (ShippedLine(line=1, quantity=20),)
    await order.ask(RETURNS, Actors.ERP, id=rma, reason="short shelf life", lines=packs)
    await order.wms("20 packs are expected back", lambda it: [it.rma for it in it.returns] == [rma])
    await order.tms("20 packs are collected", lambda it: [it.packs for it in it.collections] == [20])
    await order.tell(M.RETURN_RECEIVED, lines={1: 20}, rma=rma)
    await order.tell(M.RETURN_INSPECTED, lines={1: 15}, rma=rma, disposition=Disposition.RESTOCK)
    await order.tell(M.RETURN_INSPECTED, lines={1: 5}, rma=rma, disposition=Disposition.SCRAP)
    await order.shows(
        "the return is credited", lambda view: [it.state for it in view.returns] == [ReturnState.CREDITED]
    )
    await order.erp("20 packs are credited", lambda it: sum(x.quantity for c in it.credits for x in c.lines) == 20)  # noqa: PLR2004
    await order.planning(1, {"returned": 15, "scrapped": 5})
    await order.ends(S.CLOSED)


async def return_to_sender(scene: Scene) -> None:
    """The consignee refuses the goods: the carrier brings them back, and the order ends returned."""
    order = await scene.order({1: 35})
    await order.prepared(1, {1: 35})
    await order.carried(1, CARRIED[:1])
    await order.tell(M.RETURNING, 1, reason="refused by the consignee")
    rma = order.sender_rma(1)
    await order.wms("35 packs are expected back", lambda it: [it.rma for it in it.returns] == [rma])
    await order.comes_back(rma, {1: 35}, Disposition.RESTOCK)
    await order.ends(S.RETURNED)
    await order.erp("returned", lambda it: ChangeKind.RETURNED in {it.change for it in it.changes})
    await order.planning(1, {"shipped": 35, "returned": 35})
    await order.demand({1: 0})
