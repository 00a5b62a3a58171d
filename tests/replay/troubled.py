"""Scenarios in which something goes wrong on the way: shortages, carriers that decline, damage, silence."""

from collections.abc import Awaitable, Callable
from typing import Any

from schemas.base import System
from schemas.cases.exceptions import Action, ExceptionKind, OrderPolicy, Times
from schemas.orders.milestones import Disposition, ShippedLine
from schemas.orders.milestones import MilestoneKind as M
from schemas.workflows.commands import ActionRequest, Verb
from schemas.workflows.returns import ReturnStart
from tests.domain.builders import FIRST, FULL, REST, TEN
from tests.stack.standins import until
from tests.workflows.views import ended, opened, resolve
from tests.workflows.world import Order, World, centre_story, dead, refusing

SHORT = (ShippedLine(line=2, quantity=15),)
AT_ONCE = Times(
    tender_answer_s=0.3, acknowledgement_s=0.3, pick_lead_s=80 * 86_400, pick_least_s=0.3, pick_up_lead_s=80 * 86_400
)


async def re_sourced(world: World) -> Order:
    """What one site has not, another one sends."""
    order = await world.order(policy=OrderPolicy(alternates=("HAM",)))
    await order.tell(order.event(M.SHORT_PICKED, 1, shipment="", lines=SHORT, reason="stockout"))
    await order.owes_nothing()
    left = (FULL[0], ShippedLine(line=2, quantity=45))
    first = (event.model_copy(update={"lines": left if event.lines else ()}) for event in centre_story(order))
    kinds = (M.PICKED, M.PACKED, M.SHIPPED)
    second = [order.event(kind, 2, shipment="DN-2", lines=SHORT, partner="wms-ham") for kind in kinds]
    await order.tell(*first, *second, order.event(M.DELIVERED, 8, shipment="DN-2"))
    return order


async def backordered(world: World) -> Order:
    """What one site has not comes later."""
    order = await world.order()
    await order.tell(order.event(M.SHORT_PICKED, 1, shipment="", lines=SHORT))
    await order.owes_nothing()
    await order.tell(*centre_story(order))
    return order


async def tender_declined(world: World) -> Order:
    """The first carrier declines, the second one takes it."""
    order = world.unreleased(policy=OrderPolicy(carriers=("carrier-bravo", "carrier-cargo")))
    world.unnamed.add(order.key)
    await order.release()
    await order.tell(order.event(M.TENDER_REJECTED, 0.1, shipment="", carrier="carrier-bravo", partner="tms"))
    await order.tell(order.event(M.TENDER_ACCEPTED, 0.2, shipment="", carrier="carrier-cargo", partner="tms"))
    await order.tell(*centre_story(order))
    return order


async def tender_unanswered(world: World) -> Order:
    """Nobody answers, until nobody is left; people find a carrier."""
    order = world.unreleased(policy=OrderPolicy(times=AT_ONCE, tender_limit=2))
    world.unnamed.add(order.key)
    await order.release()
    await until(lambda: "tender_reject" in order.open_cases)
    world.unnamed.discard(order.key)
    found = ActionRequest(id="t1", reason="spot market", action=Action.RE_TENDER, carrier="carrier-bravo")
    await order.ask(Verb.ACT, found)
    await order.tell(*centre_story(order))
    return order


async def refused_and_retried(world: World) -> Order:
    """The ERP refuses a posting; it is tried again when the period is open."""
    order = await world.order()
    world.trouble[order.key, System.ERP] = refusing
    await order.tell(centre_story(order)[0])
    await until(lambda: "refused_effect" in order.open_cases)
    del world.trouble[order.key, System.ERP]
    await order.ask(Verb.ACT, ActionRequest(id="r1", reason="period opened", action=Action.RETRY))
    await order.tell(*centre_story(order)[1:])
    return order


async def damaged(world: World) -> Order:
    """Damage is reported, twice, and cleared."""
    order = await world.order()
    story = centre_story(order)
    await order.tell(*story[:4])
    cause = ExceptionKind.DAMAGE
    for name in ("first", "again"):
        await order.tell(order.event(M.EXCEPTION, 4.1 if name == "first" else 4.3, name=name, cause=cause))
        await until(lambda: "damage" in order.open_cases)
        await order.tell(order.event(M.CLEARED, 4.2 if name == "first" else 4.4, name=f"{name}-over", cause=cause))
        await until(lambda: "damage" not in order.open_cases)
    await order.tell(*story[4:])
    return order


async def resolved(world: World) -> Order:
    """People resolve the case of a damage that is not cured; the next damage is another case."""
    order = await world.order()
    story = centre_story(order)
    await order.tell(*story[:4])
    damage = ExceptionKind.DAMAGE
    await order.tell(order.event(M.EXCEPTION, 4.1, name="first", cause=damage))
    await opened(order, damage, "DN-1")
    await resolve(order, damage)
    await order.tell(order.event(M.EXCEPTION, 4.2, shipment="", name="second", cause=damage))
    await opened(order, damage, "order", number=2)
    await order.tell(order.event(M.CLEARED, 4.3, shipment="", name="second-over", cause=damage))
    await ended(order, damage, 2)
    await order.tell(*story[4:])
    return order


async def unsigned(world: World) -> Order:
    """Less was signed for than left."""
    order = await world.order(proof_of_delivery_required=True)
    await order.tell(*centre_story(order), order.event(M.PROOF_OF_DELIVERY, 7, lines=FIRST))
    await opened(order, ExceptionKind.POD_MISMATCH, "DN-1 line 2")
    lost = ActionRequest(id="w1", reason="nobody has them", action=Action.WRITE_OFF)
    await order.ask(Verb.ACT, lost)
    return order


async def silent(world: World) -> Order:
    """No pick in time; a warehouse that does not acknowledge; then everything comes."""
    order = world.unreleased(policy=OrderPolicy(times=AT_ONCE))
    world.trouble[order.key, System.WMS] = dead
    await order.release()
    await until(lambda: {"no_scan", "missing_ack"} <= order.open_cases)
    del world.trouble[order.key, System.WMS]
    await order.tell(*centre_story(order))
    return order


async def merged(world: World) -> Order:
    """Two shipments travel on as one."""
    order = await world.order()
    kinds = (M.PICKED, M.PACKED, M.SHIPPED)
    await order.tell(*(order.event(kind, 1, lines=FIRST) for kind in kinds))
    await order.tell(*(order.event(kind, 2, shipment="DN-2", lines=REST) for kind in kinds))
    await order.tell(order.event(M.CONSOLIDATED, 3, shipment="MX-1", lines=FULL, merges=("DN-1", "DN-2")))
    await order.tell(order.event(M.DELIVERED, 5, shipment="MX-1"))
    return order


async def sent_back(world: World) -> Order:
    """The customer sends a line back while the order waits for a report."""
    order = await world.order()
    story = centre_story(order)
    await order.tell(*story[1:])
    start = ReturnStart(
        order=order.key,
        rma="RMA-1",
        reason="wrong colour",
        lines=TEN,
        items={1: "A", 2: "B"},
        site="LYS",
        region="EMEA",
        inbox_id=7,
        accepted_at=order.began,
    )
    handle = await world.client.start_workflow("Return", start, id=start.workflow_id, task_queue="orders")
    said: dict[str, Any] = {"shipment": "", "lines": TEN, "rma": start.rma}
    kinds = (M.RETURN_RECEIVED, M.RETURN_INSPECTED)
    for hours, kind in enumerate(kinds, 30):
        await handle.signal("milestones", [order.event(kind, hours, disposition=Disposition.SCRAP, **said)])
    await handle.result()
    await order.tell(story[0])
    return order


async def returned(world: World) -> Order:
    """The carrier brings everything back."""
    order = await world.order()
    await order.tell(*centre_story(order)[:4], order.event(M.RETURNING, 5, reason="refused at the door"))
    await order.come_back("DN-1", *FULL)
    return order


TROUBLED: dict[str, Callable[[World], Awaitable[Order]]] = {
    scenario.__name__: scenario
    for scenario in (
        re_sourced,
        backordered,
        tender_declined,
        tender_unanswered,
        refused_and_retried,
        damaged,
        resolved,
        unsigned,
        silent,
        merged,
        sent_back,
        returned,
    )
}
