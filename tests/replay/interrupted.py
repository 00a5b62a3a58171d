"""Scenarios in which Temporal or a worker gets into the way: a task is lost, drags on, or hears very much at once."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Literal

from temporalio.client import Client

from domain.orders.order_run import OrderRun
from schemas.cases.exceptions import OrderPolicy
from schemas.orders.milestones import MilestoneKind as M
from schemas.orders.milestones import ShippedLine
from schemas.orders.release import LineDue, LinePromise
from schemas.workflows.commands import Amendment, LineAmendment
from schemas.workflows.records import StepRecord
from tests.faults.chances import Fault
from tests.faults.losing import address_of, through
from tests.faults.tasks import ran
from tests.faults.temporal_proxy import TaskFaults, task_faults
from tests.replay.troubled import AT_ONCE
from tests.stack.standins import until
from tests.workflows.world import Order, World, centre_story, world_on
from workflows.orders.order import OrderWorkflow

Interrupted = Callable[[World, TaskFaults], Awaitable[Order]]
Kind = Literal["workflow_task_completed_event_attributes", "timer_fired_event_attributes"]
AMENDMENTS, LINES = 30, 500
IMPATIENT = timedelta(seconds=1)
"""A time-out of workflow tasks: a worker whose local activity lasts for most of it asks for another task."""


@asynccontextmanager
async def losing_world(client: Client) -> AsyncIterator[tuple[World, TaskFaults]]:
    """The usual world on a server, behind a proxy that loses what it is told to."""
    async with (
        task_faults(address_of(client), seed=0) as faults,
        world_on(await through(client, faults.address)) as world,
    ):
        yield world, faults


class Held:
    """Holds the order's next step while it is written down, until it is let go."""

    def __init__(self, order: Order) -> None:
        self._order, self._writing, self._go_on = order, asyncio.Event(), asyncio.Event()
        order.world.holding[order.key] = self._hold

    async def begun(self) -> None:
        """Wait until the step is being written."""
        await self._writing.wait()

    def let_go(self) -> None:
        """The step is written, and the next ones at once."""
        self._order.world.holding.pop(self._order.key, None)
        self._go_on.set()

    async def _hold(self, record: StepRecord) -> None:
        self._writing.set()
        await self._go_on.wait()


async def _lost(world: World, faults: TaskFaults, fault: Fault) -> Order:
    order = await world.order()
    story = centre_story(order)
    plan = faults.next_task(fault, order.handle.id, ran("records.write_step"))
    held = Held(order)
    await order.handle.signal(OrderWorkflow.milestones, [story[0]])
    await held.begun()
    await order.handle.signal(OrderWorkflow.milestones, [story[1]])
    held.let_go()
    await plan.hit.wait()
    await until(lambda: {event.id for event in story[:2]} <= {it.event_id for it in order.outcomes})
    await order.tell(*story[2:])
    return order


async def lost_task(world: World, faults: TaskFaults) -> Order:
    """The server fails a task that has written its step down; the repeat finds another input behind."""
    return await _lost(world, faults, Fault.FAILED)


async def late_task(world: World, faults: TaskFaults) -> Order:
    """A completed task never arrives, and is done again after its time-out."""
    return await _lost(world, faults, Fault.REJECTED)


async def restarted(world: World, faults: TaskFaults) -> Order:
    """Its run is gone half way; another one begins from the newest snapshot, and hears some of it again."""
    order = await world.order()
    story = centre_story(order)
    await order.tell(*story[:3])
    await order.owes_nothing()
    kept = next(step.snapshot for step in reversed(world.written[order.key]) if step.snapshot)
    run = OrderRun.model_validate_json(kept.run)
    await order.handle.terminate()
    await order.begin(run.model_copy(update={"run": run.run + 1}))
    await order.tell(*story[2:])
    return order


async def thirty_amendments(world: World, faults: TaskFaults) -> Order:
    """Thirty amendments wait for one task."""
    order = world.unreleased()
    held = Held(order)
    release = asyncio.create_task(order.release())
    await held.begun()
    for number in range(AMENDMENTS):
        line = LineAmendment(line=1, quantity=41 + number)
        wish = Amendment(id=f"a{number}", reason="customer called", lines=(line,))
        await order.handle.signal(OrderWorkflow.amend, order.command(wish))
    held.let_go()
    await release
    await until(lambda: len([it for it in order.outcomes if it.answer]) >= AMENDMENTS)
    await _all_the_way(order, (ShippedLine(line=1, quantity=40 + AMENDMENTS), ShippedLine(line=2, quantity=60)))
    return order


async def five_hundred_lines(world: World, faults: TaskFaults) -> Order:
    """An order of many lines."""
    first = world.unreleased().start
    due = first.promise.promised_on
    numbers = range(1, LINES + 1)
    order = await world.order(
        lines=tuple(LineDue(line=n, item=f"I{n:03}", quantity=n, due_on=due) for n in numbers),
        promise=first.promise.model_copy(
            update={"lines": tuple(LinePromise(line=n, promised_on=due) for n in numbers)}
        ),
    )
    await _all_the_way(order, tuple(ShippedLine(line=n, quantity=n) for n in numbers))
    return order


async def heartbeat(world: World, faults: TaskFaults) -> Order:
    """A step takes so long to be written that the worker asks for another task; meanwhile more is heard."""
    order = world.unreleased()
    await order.release(IMPATIENT)
    story = centre_story(order)
    held = Held(order)
    await order.handle.signal(OrderWorkflow.milestones, [story[0]])
    await held.begun()
    await _another_task(order)
    await order.handle.signal(OrderWorkflow.milestones, [story[1]])
    await _another_task(order)
    held.let_go()
    await order.tell(*story[2:])
    return order


async def overdue_heartbeat(world: World, faults: TaskFaults) -> Order:
    """A deadline passes while a step is being written; when it is written, the worker has asked for another task."""
    order = world.unreleased(policy=OrderPolicy(times=AT_ONCE))
    await order.release(IMPATIENT)
    story = centre_story(order)
    held = Held(order)
    await order.handle.signal(OrderWorkflow.milestones, [order.event(M.EXCEPTION, 0.1, name="odd")])
    await held.begun()
    await _until_history(order, "timer_fired_event_attributes", 1)
    await _another_task(order)
    held.let_go()
    await until(lambda: "no_scan" in order.open_cases)
    await order.tell(*story)
    return order


async def _another_task(order: Order) -> None:
    """Wait until the worker has asked for another task than the one of now."""
    completed: Kind = "workflow_task_completed_event_attributes"
    await _until_history(order, completed, await _in_history(order, completed) + 1)


async def _until_history(order: Order, kind: Kind, many: int) -> None:
    """Wait until there are so many events of a kind."""

    async def enough() -> bool:
        return await _in_history(order, kind) >= many

    await until(enough)


async def _in_history(order: Order, kind: Kind) -> int:
    """How many events of a kind there are."""
    return len([event async for event in order.handle.fetch_history_events() if event.HasField(kind)])


async def _all_the_way(order: Order, lines: tuple[ShippedLine, ...]) -> None:
    """The whole story with other lines."""
    story = (event.model_copy(update={"lines": lines if event.lines else ()}) for event in centre_story(order))
    for event in story:
        await order.tell(event)


INTERRUPTED: dict[str, Interrupted] = {
    scenario.__name__: scenario
    for scenario in (
        lost_task,
        late_task,
        restarted,
        thirty_amendments,
        five_hundred_lines,
        heartbeat,
        overdue_heartbeat,
    )
}
