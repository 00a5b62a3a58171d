"""The lives of orders whose histories are kept: each is lived against the stand-in systems of tests/workflows."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

from schemas.base import System, Variant
from schemas.orders.milestones import MilestoneKind as M
from tests.domain.builders import FIRST, FULL, REST
from tests.replay.commanded import COMMANDED
from tests.replay.troubled import TROUBLED
from tests.workflows.world import Order, World, busy, centre_story, dead, drop_story

Scenario = Callable[[World], Awaitable[Order]]


async def plain(world: World) -> Order:
    """From a distribution centre, milestone by milestone."""
    order = await world.order()
    for event in centre_story(order):
        await order.tell(event)
    return order


async def direct_drop(world: World) -> Order:
    """From a supplier."""
    order = await world.order(variant=Variant.DIRECT_DROP)
    await order.tell(*drop_story(order))
    return order


async def delayed(world: World) -> Order:
    """Delayed, re-dated, and on time again."""
    order = await world.order()
    story = centre_story(order)
    await order.tell(*story[:3])
    await order.tell(order.event(M.DELAYED, 3.2, eta=order.began + timedelta(days=20)))
    await order.tell(order.event(M.DELAYED, 3.5, eta=order.began + timedelta(days=2), name="better"))
    await order.tell(*story[3:])
    return order


async def cancelled(world: World) -> Order:
    """Cancelled after it was picked."""
    order = await world.order()
    await order.tell(centre_story(order)[0])
    await order.owes_nothing()
    await order.cancel()
    return order


async def dead_erp(world: World) -> Order:
    """The ERP is away for a while; the express lane of the TMS is closed."""
    order = world.unreleased()
    world.trouble[order.key, System.ERP] = dead
    world.trouble[order.key, System.TMS] = busy
    await order.release()
    await order.tell(*centre_story(order)[:3])
    await order.tell(*centre_story(order)[3:])
    del world.trouble[order.key, System.ERP]
    return order


async def split(world: World) -> Order:
    """Two shipments."""
    order = await world.order(variant=Variant.DIRECT_DROP)
    await order.tell(order.event(M.SHIPPED, 3, lines=FIRST), order.event(M.DELIVERED, 7))
    await order.tell(order.event(M.SHIPPED, 4, shipment="DN-2", lines=REST))
    await order.tell(order.event(M.DELIVERED, 9, shipment="DN-2"))
    return order


async def incomplete(world: World) -> Order:
    """Delivered a while ago, and never reported as picked: closed when the grace is over."""
    order = world.unreleased()
    await order.start_with(order.event(M.SHIPPED, -40, lines=FULL), order.event(M.DELIVERED, -30))
    return order


SCENARIOS: dict[str, Scenario] = {
    **{
        scenario.__name__: scenario
        for scenario in (plain, direct_drop, delayed, cancelled, dead_erp, split, incomplete)
    },
    **COMMANDED,
    **TROUBLED,
}
