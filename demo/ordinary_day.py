"""An ordinary day after the demo's report: work that waits for people, and orders at a gentle pace until Ctrl-C."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from random import Random

import httpx

from demo.order import PREPARED
from demo.scenarios.delays import end_of_promise
from demo.scene import Scene
from demo.stage import SceneFailed, Stage
from schemas.cases.exceptions import ExceptionKind, OrderPolicy, Reaction
from schemas.orders.milestones import MilestoneKind as M
from schemas.workflows.commands import Verb

Report = Callable[[str], None]
"""Hears what could not be done, as a sentence."""


@dataclass(frozen=True)
class Pace:
    """Seconds between orders, and the least and most seconds between two events of one."""

    begin_every_s: float = 8.0
    """Some ten orders are in flight at any time, and the machine stays free for whoever looks around."""
    least_s: float = 5.0
    most_s: float = 15.0
    """Slow enough to watch, quick enough to see an end."""


LATE_EVERY = 5
"""Every so manieth order is a few days late: there is always a new delay to look at."""
PACKS = 10, 60
"""Least and most packs of a line."""


async def leave_work(stage: Stage, report: Report) -> None:
    """Play the openings of scenarios that people end: cases, proposals, a hold, a quarantined release."""
    openings = (delayed, damaged, held_by_customs, picked_short, on_hold, of_an_unknown_item)
    await asyncio.gather(*(_tried(Scene(stage, it.__name__.replace("_", "-")), it, report) for it in openings))


async def go_on(stage: Stage, seed: int, report: Report, pace: Pace | None = None, orders: int | None = None) -> None:
    """Release orders one after the other, and carry each until its delivery. For ever, unless `orders` are wanted."""
    random, rhythm, under_way, number = Random(seed), pace or Pace(), set[asyncio.Task[None]](), 0
    try:
        while orders is None or number < orders:
            number += 1
            carry = partial(_carry, random=Random(random.random()), pace=rhythm, late=number % LATE_EVERY == 0)
            carried = asyncio.create_task(_tried(Scene(stage, f"today-{number}"), carry, report))
            under_way.add(carried)
            carried.add_done_callback(under_way.discard)
            await asyncio.sleep(rhythm.begin_every_s)
        await asyncio.gather(*under_way)
    finally:
        for task in under_way:
            task.cancel()


async def _tried(scene: Scene, story: Callable[[Scene], Awaitable[None]], report: Report) -> None:
    """A story that breaks off says so, and the day goes on."""
    try:
        await story(scene)
    except (SceneFailed, httpx.HTTPError) as error:
        report(f"{scene.name}: {error or type(error).__name__}")


async def _carry(scene: Scene, random: Random, pace: Pace, late: bool) -> None:
    lines = {line: random.randint(*PACKS) for line in (1, 2)}
    order = await scene.order(lines)
    for kind in (*PREPARED, M.IN_TRANSIT, *((M.DELAYED,) if late else ()), M.OUT_FOR_DELIVERY, M.DELIVERED):
        await asyncio.sleep(random.uniform(pace.least_s, pace.most_s))
        if kind in PREPARED:
            await order.tell(kind, 1, lines, by=order.sender)
        elif kind is M.DELAYED:
            eta = end_of_promise(order) + timedelta(days=random.randint(1, 4), hours=12)
            await order.tell(kind, 1, eta=eta, reason="AM: held up on the road")
        else:
            await order.tell(kind, 1)


async def delayed(scene: Scene) -> None:
    """An order comes five days late: transport has a case, and the planner a proposal."""
    order = await scene.order({1: 25, 2: 10})
    await order.prepared(1, {1: 25, 2: 10})
    await order.tell(M.DELAYED, 1, eta=end_of_promise(order) + timedelta(days=4, hours=12), reason="port closed")


async def damaged(scene: Scene) -> None:
    """Packs are damaged on the road: claims decides."""
    order = await scene.order({1: 100})
    await order.prepared(1, {1: 100})
    await order.carried(1, (M.IN_TRANSIT,))
    await order.tell(M.EXCEPTION, 1, {1: 10}, cause=ExceptionKind.DAMAGE, reason="A9: a wet pallet")


async def held_by_customs(scene: Scene) -> None:
    """Customs wants papers: compliance looks for them."""
    order = await scene.order({1: 15})
    await order.prepared(1, {1: 15})
    await order.carried(1, (M.IN_TRANSIT,))
    await order.tell(M.EXCEPTION, 1, cause=ExceptionKind.CUSTOMS, reason="certificate of origin is missing")


async def picked_short(scene: Scene) -> None:
    """Packs are missing at the pick: the planner is asked what to do."""
    await scene.order_policy(OrderPolicy(on_shortage=(Reaction.PLANNER,)))
    order = await scene.order({1: 80}, days=5)
    await order.tell(M.SHORT_PICKED, lines={1: 30}, reason="stockout")


async def on_hold(scene: Scene) -> None:
    """Support holds an order: somebody has to resume it."""
    order = await scene.order({1: 12})
    await order.ask(Verb.HOLD, reason="the customer asks for another delivery address")


async def of_an_unknown_item(scene: Scene) -> None:
    """A release names an item that its ERP does not know: it waits in quarantine."""
    await scene.order({1: 10}, item="NEW", instructed=False)
