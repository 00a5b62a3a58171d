"""The whole product, every process: orders released over HTTP, carried to their end, every system's books compared."""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest_asyncio

from demo.report import sound
from demo.run import RunPlan, RunProgress, run
from dispatch.partners.applying import paused
from domain.partners.parties import warehouse_partner
from domain.partners.registry_rules import Surroundings
from simulators.driver import Driver, Targets
from simulators.orders.made_up import generate
from simulators.world.happened import expectations
from simulators.world.network import ERP
from stack.layout import LocalStack, StackOptions, local_stack
from store.engine import Database
from store.partners import partners, registry
from store.seals import Seals
from tests.faults.losing import detour
from tests.integration.counts import instructed, milestones_for_the_erp
from tests.stack.standins import until

SEED = 7
ORDERS = generate(25, SEED)
NO_OTHER_END = dict.fromkeys(("cancelled", "returned", "rejected", "open"), 0)


@dataclass
class Whole:
    """A run that is over: the stack, its report, and the ERP's view of it."""

    stack: LocalStack
    report: dict[str, Any]
    erp: httpx.AsyncClient


@pytest_asyncio.fixture(scope="module")
async def whole() -> AsyncIterator[Whole]:
    """Carry 25 orders with light faults through a stack of their own."""
    async with local_stack(StackOptions(ephemeral=True, durable=False, seed=SEED, detour=detour())) as stack:
        report = await run(stack, RunPlan(ORDERS, faults="light", seed=SEED), RunProgress(), lambda: None)
        async with Database(stack.settings.main_database.url, 2) as database, database.connection() as connection:
            key = await partners.new_key(connection, ERP, "test")
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        async with httpx.AsyncClient(base_url=stack.urls.gateway, headers=headers, trust_env=False) as erp:
            yield Whole(stack, report, erp)


async def test_nothing_is_lost_and_nothing_done_twice(whole: Whole) -> None:
    assert sound(whole.report) == []
    assert whole.report["orders"] == {"in": 25, "delivered": 25, **NO_OTHER_END}
    messages = whole.report["messages"]
    assert messages["accepted"] == messages["applied"] + messages["superseded"] + messages["quarantined"]
    assert messages["quarantined"] == 0, "what waited for its order or shipment was revived"
    assert whole.report["restarts"] == {"worker": 0, "temporal": 0}


async def test_gateway_and_worker_log_as_json(whole: Whole) -> None:
    for name in ("gateway", "worker"):
        lines = [line for line in whole.stack.log(name).read_text().splitlines() if line.startswith("{")]
        assert {"event", "level", "timestamp"} <= json.loads(lines[-1]).keys()


async def test_punctuality_is_what_the_dates_say(whole: Whole) -> None:
    expected = expectations(ORDERS)
    assert whole.report["on_time"] == expected.on_time_lines
    assert whole.report["late"] == expected.late_lines > 0
    assert whole.report["otif"] == expected.otif_orders
    for kind in ("orders", "shipments", "lines"):
        assert whole.report[kind]["delivered"] == getattr(expected, kind)


async def test_every_system_was_told_exactly_what_the_plans_say(whole: Whole) -> None:
    token = whole.stack.env["SYNCLINE_SIM_TOKEN"]
    async with Driver(Targets(whole.stack.urls.gateway, "", whole.stack.urls.sims, token)) as driver:
        books = await driver.books()
    told = [(e.shipment, e.milestone) for e in books["erp"].entries if e.operation == "report_milestone"]
    assert sorted(told) == sorted(milestones_for_the_erp(ORDERS, SEED))
    assert len(books["wms"].entries) == whole.report["effects"]["wms"]["expected"] == instructed(ORDERS)
    assert len(books["tms"].entries) == whole.report["effects"]["tms"]["expected"] == len(ORDERS)
    async with Database(whole.stack.settings.main_database.url, 2) as database, database.connection() as connection:
        cursor = await connection.execute(
            "SELECT count(DISTINCT order_key) AS orders FROM planning_delta d JOIN order_view o ON o.key = d.order_key "
            "WHERE sent_at IS NOT NULL"
        )
        assert await cursor.fetchone() == {"orders": len(ORDERS)}, "planning knows of every order"


async def test_the_erp_sees_its_order_and_what_happened(whole: Whole) -> None:
    release = ORDERS[0].release
    answer = await whole.erp.get(f"/v1/orders/{release.number}")
    assert answer.status_code == 200
    order = answer.json()
    assert order["status"] == "closed"
    assert sum(line["delivered"] for line in order["lines"]) == sum(line.quantity for line in release.lines)
    kinds = {entry["kind"] for entry in order["timeline"] if entry["state"] == "applied"}
    assert {"shipped", "delivered"} <= kinds


async def test_a_release_while_temporal_is_dead_is_promised_when_it_is_back(whole: Whole) -> None:
    release = generate(26, SEED)[25].release.model_copy(update={"number": "DURING-OUTAGE"})
    frozen = whole.stack.pid("temporal")
    os.kill(frozen, signal.SIGSTOP)
    try:
        answer = await whole.erp.post("/v1/orders", content=release.model_dump_json(exclude_none=True), timeout=20)
    finally:
        os.kill(frozen, signal.SIGKILL)
    assert answer.status_code == 202, answer.text
    assert answer.json()["status"] == "released"

    async def promised() -> bool:
        status = (await whole.erp.get(answer.headers["Location"])).json()["status"]
        await asyncio.sleep(0.2)
        return bool(status != "released")

    await until(promised)
    assert whole.stack.restarts["temporal"] == 1
    again = await whole.erp.post("/v1/orders", content=release.model_dump_json(exclude_none=True), timeout=20)
    assert again.status_code == 200
    assert again.json()["promise"]["promised_on"] >= str(release.requested_on)


async def test_a_paused_warehouse_is_told_when_it_is_resumed_without_a_restart(whole: Whole) -> None:
    """The running worker follows the registry: its calls stop and go on."""
    release = next(it.release for it in ORDERS if it.release.site).model_copy(update={"number": "WHILE-PAUSED"})
    warehouse = warehouse_partner(str(release.site))
    seals = Seals.of(whole.stack.settings)
    async with Database(whole.stack.settings.main_database.url, 2, seals) as database:

        async def turn(*, pause: bool) -> None:
            async with database.transaction() as connection:
                await paused(connection, warehouse, "api", Surroundings(), "test", "works", pause=pause)
            async with database.connection() as connection:
                change = await registry.changes(connection)
            await until(lambda: f'"change": {change},' in whole.stack.log("worker").read_text())

        async def instruction() -> dict[str, Any]:
            async with database.connection() as connection:
                cursor = await connection.execute(
                    "SELECT outcome, error FROM effect WHERE order_key = %s AND operation = 'instruct_warehouse'",
                    (f"{ERP}/WHILE-PAUSED",),
                )
                return dict(await cursor.fetchone() or {})

        async def held() -> bool:
            return f"connection {warehouse}/api is paused" in str((await instruction()).get("error"))

        async def told() -> bool:
            return (await instruction()).get("outcome") == "done"

        await turn(pause=True)
        answer = await whole.erp.post("/v1/orders", content=release.model_dump_json(exclude_none=True), timeout=20)
        assert answer.status_code in (201, 202), answer.text
        await until(held)
        await turn(pause=False)
        await until(told)
