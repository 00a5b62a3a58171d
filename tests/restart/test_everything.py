"""Everything that was open begins again: after Temporal's data were lost, and after an earlier build."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Coroutine, Iterable
from typing import Any, TypeVar

import pytest
import pytest_asyncio
from temporalio.client import Client
from temporalio.testing import ActivityEnvironment

from activities.messaging.workflow_health import WatchActivities
from dispatch.restarts.restarting import Figures, RestartRequest
from dispatch.temporal.schedules import OF_WORKFLOWS
from schemas.finance.reconciliation import ReconcileReport
from schemas.workflows.commands import ResumeRequest
from stack.layout import INFRASTRUCTURE, LocalStack, StackOptions, local_stack
from store.engine import Database
from store.migrate import upgrade
from tests.restart.conftest import left_by_an_earlier_build
from tests.restart.stack import BY, Product, product_on
from tests.seals import SEALS
from tests.stack.standins import until
from workflows.runtime.payloads import CONVERTER

Made = TypeVar("Made")
FULL = os.environ.get("SYNCLINE_CHAOS") == "full"
ORDERS = 200 if FULL else 5
STAGES = (
    (),
    ("picked",),
    ("picked", "packed"),
    ("picked", "packed", "shipped"),
    ("picked", "packed", "shipped", "in_transit"),
)
"""How far the orders have come, one after the other, when Temporal loses all."""
STORY = ("picked", "packed", "shipped", "in_transit", "delivered")


REST: tuple[tuple[str, int, dict[int, int], tuple[str, ...]], ...] = (
    ("OLD-1", 1, {1: 40, 2: 10}, ("picked", "packed", "shipped", "delivered")),
    ("OLD-2", 1, {}, ("delivered",)),
    ("OLD-2", 2, {1: 30}, ("picked", "packed", "shipped", "delivered")),
    ("OLD-3", 1, {1: 60, 2: 25}, ("picked", "packed", "shipped", "delivered")),
    ("OLD-4", 1, {1: 12}, ("resume", "packed", "shipped", "delivered")),
    ("OLD-5", 1, {}, ("cleared", "delivered")),
)
"""What is left to happen to the orders of the earlier build, by shipment: packs of each line, and the reports."""
DELIVERED = {
    **{"ITEM-OLD-1-1": 40, "ITEM-OLD-1-2": 10, "ITEM-OLD-2-1": 60, "ITEM-OLD-2-2": 20, "ITEM-OLD-3-1": 60},
    **{"ITEM-OLD-3-2": 25, "ITEM-OLD-4-1": 12, "ITEM-OLD-5-1": 8, "ITEM-OLD-6-1": 5},
}


async def gather(work: Iterable[Coroutine[Any, Any, Made]]) -> list[Made]:
    """Do all of it, some at a time: each report waits until it is settled."""
    places = asyncio.Semaphore(10)

    async def one(it: Coroutine[Any, Any, Made]) -> Made:
        async with places:
            return await it

    return await asyncio.gather(*map(one, work))


async def finish(product: Product, number: str, nth: int, packs: dict[int, int], kinds: tuple[str, ...]) -> None:
    """What is left to happen to a shipment of an order of the earlier build."""
    key, shipment = f"erp-main/{number}", f"{number}-{nth}"
    lines = [{"line": line, "quantity": quantity} for line, quantity in packs.items()]
    for kind in kinds:
        if kind == "resume":
            message = await product.ask(key, kind, ResumeRequest(id="r1", reason="paid"))
        elif kind in ("picked", "packed", "shipped"):
            message = await product.tell(key, kind, "wms-rdc-emea", shipment=shipment, lines=lines)
        else:
            said = {"cause": "customs"} if kind == "cleared" else {}
            message = await product.tell(key, kind, "carrier-alpha", shipment=shipment, **said)
        await product.becomes(message, "applied")


@pytest_asyncio.fixture
async def product(database_url: str, temporal_client: Client) -> AsyncIterator[Product]:
    """The product on a database of its own."""
    async with Database(database_url, 12, SEALS) as database, product_on(temporal_client, database) as made:
        yield made


async def look(product: Product) -> ReconcileReport:
    """Look at every open workflow."""
    activities = WatchActivities(product.client, product.database, limit=2)
    report: ReconcileReport | None = None
    for _ in range(1 + len(product.keys)):
        report = await ActivityEnvironment().run(activities.workflows, OF_WORKFLOWS)
    assert report is not None
    return report


async def test_a_workflow_that_does_not_run_is_in_a_case_until_it_does(product: Product) -> None:
    keys = [await product.order() for _ in range(3)]
    assert (await look(product)).findings == ()
    await product.workflow(f"order/{keys[1]}").terminate("by hand")
    report = await look(product)
    [finding] = report.findings
    assert (finding.kind, finding.subject) == ("platform", f"order/{keys[1]}")
    assert "terminated" in finding.summary
    assert f"syncline order restart {keys[1].split('/')[1]} --erp erp-one" in finding.summary
    assert "restart" in report.policy.actions
    assert report.policy.tiers[0].queue == "platform"
    await product.restarter.subject(keys[1], BY)
    assert (await look(product)).findings == ()


async def lose(stack: LocalStack) -> None:
    """Temporal dies, and its data with it; a new one starts."""
    pid = stack.pid("temporal")
    os.kill(pid, signal.SIGSTOP)
    for file in stack.temporal.directory.glob("temporal.db*"):
        file.unlink()
    os.kill(pid, signal.SIGKILL)
    await until(lambda: stack.restarts["temporal"] == 1 and stack.is_ready("temporal"), 60.0)


@pytest.mark.chaos
async def test_every_open_order_goes_on_after_temporal_has_lost_its_data() -> None:
    async with local_stack(StackOptions(ephemeral=True, durable=False, only=INFRASTRUCTURE)) as stack:
        url = await stack.postgres.create_database("lost")
        upgrade(url)
        client = await Client.connect(stack.settings.main_temporal.address, data_converter=CONVERTER)
        async with Database(url, 12, SEALS) as database, product_on(client, database) as product:
            keys = await gather(product.order() for _ in range(ORDERS))
            await gather(product.story(key, *STAGES[n % len(STAGES)]) for n, key in enumerate(keys))
            await lose(stack)
            seen: list[int] = []
            done = await product.restarter.every(RestartRequest("operator", "lost"), lambda it: seen.append(it.looked))
            assert (done.begun, done.running, done.failed) == (ORDERS, 0, {})
            assert seen[-1] == done.open == ORDERS
            again = await product.restarter.every(RestartRequest("operator", "lost"), lambda it: None)
            assert (again.begun, again.running) == (0, ORDERS), "may be repeated: what runs is left alone"
            await gather(product.story(key, *STORY[len(STAGES[n % len(STAGES)]) :]) for n, key in enumerate(keys))
            await gather(product.shows(key, "closed") for key in keys)
            await product.at_rest()
            assert product.systems.twice() == {}
            assert await product.packs_with_customers() == {f"ITEM-{key.split('/')[1]}": 40 for key in keys}
            report = await product.rows("SELECT key FROM effect WHERE outcome <> 'done'")
            assert report == []


async def test_open_orders_of_an_earlier_build_end_on_this_one(
    local_services: LocalStack, temporal_client: Client
) -> None:
    async with (
        left_by_an_earlier_build(local_services) as database,
        product_on(temporal_client, database) as product,
    ):
        before = await product.rows("SELECT key FROM effect WHERE outcome = 'done'")
        done: Figures = await product.restarter.every(RestartRequest("operator", "a new build"), lambda it: None)
        assert done.failed == {}
        assert done.begun == done.open == 7, "five orders, two cases"
        await gather(finish(product, *story) for story in REST)
        await product.at_rest()
        told = {effect.key for _, effect in product.systems.calls}
        assert not told & {row["key"] for row in before}, "nothing that was done is told again"
        assert product.systems.twice() == {}
        assert await product.packs_with_customers() == DELIVERED
        assert await product.rows("SELECT key FROM effect WHERE outcome <> 'done'") == []
        assert await product.rows("SELECT id FROM exception_case WHERE closed_at IS NULL AND kind = 'customs'") == []
