"""The run: provision partners, plan, release, wait until everything has ended, report."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from demo.report import RunFacts, build
from domain.parties import TRANSPORT_DESK
from schemas.base import Role
from simulators.driver import Driver, Refusal, Targets
from simulators.happened import HistoricOrder, plan
from simulators.network import ERP
from simulators.plans import GOODS_KINDS, OrderPlan
from simulators.webhooks import OutboxStatus
from stack.layout import LocalStack
from store import partners, report
from store.engine import Database

LOOK_EVERY_S = 0.5
STUCK_AFTER_S = 180.0
"""Nothing has moved for this long: the run gives up and reports what is open."""


@dataclass(frozen=True)
class Plan:
    """What a run is to carry: the orders, how rough the partners are, and the seed of everything random."""

    orders: Sequence[HistoricOrder]
    faults: str = "none"
    seed: int = 1
    findings: Counter[str] | None = None


@dataclass
class Progress:
    """How far a run is; shown live."""

    total: int = 0
    released: int = 0
    figures: dict[str, int] | None = None
    outbox: OutboxStatus | None = None


async def provision(database: Database, plans: Sequence[OrderPlan]) -> str:
    """Make every partner that the plans name, and an API key for the ERP; returns the key."""
    roles = {ERP: Role.ERP, TRANSPORT_DESK: Role.TMS, **_roles(plans)}
    async with database.transaction() as connection:
        for partner, role in roles.items():
            await partners.add(connection, partner, role, partner)
        await partners.revoke_keys(connection, ERP)
        return await partners.new_key(connection, ERP, "demo")


def _roles(plans: Sequence[OrderPlan]) -> dict[str, Role]:
    found: dict[str, Role] = {}
    for order in plans:
        for shipment in order.shipments:
            for event in shipment.events:
                goods = Role.WMS if event.by_warehouse else Role.SUPPLIER
                found.setdefault(event.partner, Role.CARRIER)
                if event.kind in GOODS_KINDS:
                    found[event.partner] = goods
    return found


async def run(stack: LocalStack, wanted: Plan, progress: Progress, refresh: Callable[[], None]) -> dict[str, Any]:
    """Carry the orders through the stack and return the report."""
    began = time.monotonic()
    plans = [plan(order, wanted.seed) for order in wanted.orders]
    progress.total = len(plans)
    client = await Client.connect(stack.settings.temporal_address, data_converter=pydantic_data_converter)
    async with Database(stack.settings.database_url, 4) as database:
        key = await provision(database, plans)
        async with Driver(Targets(stack.urls.gateway, key, stack.urls.sims, stack.env["SYNCLINE_SIM_TOKEN"])) as driver:
            await driver.faults(wanted.faults)
            await driver.plan(plans)

            def told(_: str) -> None:
                progress.released += 1
                refresh()

            watching = asyncio.create_task(watch(database, driver, progress, refresh))
            refusals = await driver.release([order.release for order in wanted.orders], told)
            progress.released = len(plans)
            await watching
            facts = _facts(wanted, refusals, dict(stack.restarts), time.monotonic() - began)
            return await build(database, client, driver, facts)


async def watch(database: Database, driver: Driver, progress: Progress, refresh: Callable[[], None]) -> None:
    """Look until every partner has said everything and nothing is under way, or nothing moves any more."""
    last_move, last_seen = time.monotonic(), ""
    while time.monotonic() - last_move < STUCK_AFTER_S:
        async with database.connection() as connection:
            progress.figures = await report.progress(connection)
            settled = await report.settled(connection)
        progress.outbox = await driver.outbox()
        refresh()
        everything_said = progress.outbox.pending == 0 and progress.released == progress.total
        if settled and everything_said and progress.figures["ended"] == progress.figures["orders"]:
            return
        seen = f"{progress.figures} {progress.outbox} {progress.released}"
        if seen != last_seen:
            last_move, last_seen = time.monotonic(), seen
        await asyncio.sleep(LOOK_EVERY_S)


def _facts(wanted: Plan, refusals: list[Refusal], restarts: dict[str, int], wall_s: float) -> RunFacts:
    refused = {refusal.number for refusal in refusals}
    lost = [order for order in wanted.orders if order.release.number in refused]
    return RunFacts(
        orders=len(wanted.orders),
        shipments=sum(len(order.shipments) for order in wanted.orders),
        lines=sum(len(order.release.lines) for order in wanted.orders),
        refusals=refusals,
        rejected_shipments=sum(len(order.shipments) for order in lost),
        rejected_lines=sum(len(order.release.lines) for order in lost),
        restarts=restarts,
        wall_s=wall_s,
        findings=dict(wanted.findings or {}),
    )
