"""Stories in which a step is written and its task is lost, and what is found wrong with the product afterwards."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from temporalio.client import Client

from dispatch.handoff import TemporalHandoff
from dispatch.ports import SignalOutcome
from domain.messaging.cost import MOST_PER_STEP, OF_ITSELF
from schemas.messaging.owed import EffectsPlanned
from schemas.orders.milestones import MilestoneEvent
from schemas.workflows.commands import AmendRequest, LineAmendment
from schemas.workflows.records import StepRecord
from schemas.workflows.steps import WorkflowStep
from store.engine import Database
from store.inventory import ledger
from store.orders import steps
from tests.faults.chances import Fault
from tests.faults.losing import address_of
from tests.faults.tasks import ran
from tests.faults.temporal_proxy import TaskFaults, task_faults
from tests.restart.stack import CARRIER, Product, product_on
from tests.stack.standins import until
from workflows.runtime.payloads import CONVERTER

PACKS, FEWER = 40, 30
SCANS = MOST_PER_STEP // OF_ITSELF + 20
"""Reports that name no line, for two steps at least."""


@dataclass
class Desk:
    """The product, the proxy before it, and every step that was written. While `hold` is set, steps are written and not
    answered."""

    product: Product
    proxy: TaskFaults
    written: dict[str, list[WorkflowStep[StepRecord]]] = field(default_factory=lambda: defaultdict(list))
    hold: asyncio.Event | None = None
    told: set[int] = field(default_factory=set)
    """Messages with reports that Temporal has."""

    async def write(self, database: Database, step: WorkflowStep[StepRecord]) -> None:
        """In place of `store.orders.steps.write`."""
        await WRITE(database, step)
        self.written[step.record.order].append(step)
        if self.hold:
            await self.hold.wait()

    async def opened(self) -> str:
        """Release an order, and wait until the task that opens it is kept; the order's key."""
        key = await self.product.order(PACKS)
        await self.product.at_rest()
        return key

    @asynccontextmanager
    async def held(self, key: str) -> AsyncIterator[None]:
        """Lose the task that writes the next step of an order, and hold it at that while the block runs. The task that
        is done again is not held."""
        lost = self.proxy.next_task(Fault.FAILED, f"order/{key}", ran("records.write_step"))
        self.hold = asyncio.Event()
        yield
        hold, self.hold = self.hold, None
        hold.set()
        await lost.hit.wait()

    async def steps(self, key: str, more_than: int) -> None:
        """Wait for a further step."""
        await until(lambda: len(self.written[key]) > more_than)

    async def state(self, message: int) -> str:
        """Where a message is."""
        [row] = await self.product.rows("SELECT state FROM inbox_message WHERE id = %s", message)
        return str(row["state"])

    async def routed(self, command: int) -> None:
        """Wait until Temporal has a command: in the history, or behind the task that is held."""
        await until(lambda: self._is(command, "routed"))

    async def _is(self, message: int, state: str) -> bool:
        return await self.state(message) == state

    async def milestones(self, workflow_id: str, events: list[MilestoneEvent]) -> SignalOutcome:
        """In place of `TemporalHandoff.milestones`."""
        taken = await TemporalHandoff.milestones(self.product.handoff, workflow_id, events)
        self.told.update(event.inbox_id for event in events)
        return taken

    def contents(self, key: str) -> list[str]:
        """Keys of effects that were written with more than one content."""
        found: dict[str, set[str]] = defaultdict(set)
        for step in self.written[key]:
            for effect in step.record.get(EffectsPlanned).effects:
                found[effect.key].add(effect.digest)
        return [f"{name} has {len(digests)} contents" for name, digests in found.items() if len(digests) > 1]

    async def wrong(self, key: str) -> list[str]:
        """What is wrong with an order now that nothing is under way."""
        await self.product.at_rest()
        found = self.contents(key)
        async with self.product.database.connection() as connection:
            found += [f"the ledger does not add up: {it}" for it in await ledger.audit(connection)]
        [line] = await self.product.rows("SELECT * FROM order_line_view WHERE order_key = %s", key)
        packs = await self._packs(f"ITEM-{key.split('/')[1]}")
        moved = {"allocated": line["allocated"] - line["shipped"], "on_hand": -line["allocated"]}
        for bucket, expected in moved.items():
            if packs.get(bucket, 0) != expected:
                found.append(f"{bucket} holds {packs.get(bucket, 0)} and the line says {expected}")
        largest = max(len(step.outcomes) for step in self.written[key])
        if largest * OF_ITSELF > MOST_PER_STEP:
            found.append(f"a step decides on {largest} messages")
        return found

    async def _packs(self, item: str) -> dict[str, int]:
        rows = await self.product.rows("SELECT place, packs FROM stock_balance WHERE item = %s", item)
        return {row["place"].partition(":")[0]: row["packs"] for row in rows}


WRITE = steps.write
Story = Callable[[Desk], Awaitable[list[str]]]


async def amended(desk: Desk) -> list[str]:
    """A command is decided and its task is lost; nobody may hear of it before it is decided again."""
    key = await desk.opened()
    begun = len(desk.written[key])
    async with desk.held(key):
        wish = AmendRequest(id="fewer", reason="less", lines=(LineAmendment(line=1, quantity=FEWER),))
        message = await desk.product.ask(key, "amend", wish)
        await desk.steps(key, begun)
        early = await desk.state(message)
    found = [f"the command is {early} before its task was kept"] if early in ("applied", "superseded") else []
    await desk.product.becomes(message, "applied")
    return found + await desk.wrong(key)


async def more_behind(desk: Desk) -> list[str]:
    """A report is decided and its task is lost; a command has come behind it when it is decided again."""
    key = await desk.opened()
    begun = len(desk.written[key])
    async with desk.held(key):
        report = await desk.product.tell(key, "picked", lines=[{"line": 1, "quantity": PACKS}])
        await desk.steps(key, begun)
        wish = AmendRequest(id="later", reason="more", lines=(LineAmendment(line=1, quantity=2 * PACKS),))
        command = await desk.product.ask(key, "amend", wish)
        await desk.routed(command)
    await desk.product.becomes(report, "applied")
    await desk.product.becomes(command, "applied")
    return await desk.wrong(key)


async def many_behind(desk: Desk) -> list[str]:
    """So many reports come behind a lost task that one step cannot carry them."""
    key = await desk.opened()
    await desk.product.story(key, "picked", "packed", "shipped", packs=PACKS)
    await desk.product.at_rest()
    begun = len(desk.written[key])
    async with desk.held(key):
        first = await desk.product.tell(key, "in_transit", CARRIER)
        await desk.steps(key, begun)
        others = [await desk.product.tell(key, "in_transit", CARRIER) for _ in range(SCANS)]
        await until(lambda: desk.told.issuperset(others))
    for message in (first, *others):
        await until(lambda: decided(desk, message))  # noqa: B023
    return await desk.wrong(key)


async def decided(desk: Desk, message: int) -> bool:
    """Whether a message is final."""
    return await desk.state(message) in ("applied", "superseded")


STORIES: tuple[Story, ...] = (amended, more_behind, many_behind)


@asynccontextmanager
async def open_desk(client: Client, url: str, patch: Callable[[object, str, Any], None]) -> AsyncIterator[Desk]:
    """The product behind a proxy; `patch` sets attributes for as long as the test lasts."""
    async with task_faults(address_of(client), seed=1) as proxy, Database(url, 12) as database:
        through = await Client.connect(proxy.address, data_converter=CONVERTER)
        async with product_on(through, database) as product:
            desk = Desk(product, proxy)
            patch(steps, "write", desk.write)
            patch(product.handoff, "milestones", desk.milestones)
            yield desk
