"""The run: provision partners, plan, release, wait until everything has ended, report."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from psycopg import OperationalError

from demo.inventory import by_site, inventory
from demo.registry import describe
from demo.report import RunFacts, build
from dispatch.temporal.connecting import connect
from domain.partners.parties import TRANSPORT_PARTNER, warehouse_partner
from schemas.base import Role
from schemas.cases.policies import PolicyRule
from schemas.inventory.reports import InventoryReport
from schemas.settings import SIM_TOKEN
from simulators.driver import Driver, ReleaseRefusal, Targets
from simulators.webhooks import OutboxStatus
from simulators.world.happened import HistoricOrder, plan
from simulators.world.network import ERP
from simulators.world.plans import GOODS_KINDS, OrderPlan
from stack.layout import LocalStack
from store.cases import policies
from store.engine import Database
from store.partners import partners
from store.seals import Seals
from store.views import report

LOOK_EVERY_S = 0.5
"""Seconds between updates of the screen: two a second look live."""
FREIGHT = PolicyRule(id="freight-demo", about="freight", body={"share": 0.05})
"""The demo's freight rates: without a rate, nothing would be accrued."""
STUCK_AFTER_S = 180.0
"""Nothing has moved for this long: the run gives up and reports what is open."""


@dataclass(frozen=True)
class RunPlan:
    """The plan of a run: the orders, the roughness of the partners, and the seed of everything random."""

    orders: Sequence[HistoricOrder]
    faults: str = "none"
    seed: int = 1
    findings: Counter[str] | None = None


@dataclass
class RunProgress:
    """The progress of a run; shown live."""

    total: int = 0
    released: int = 0
    inventory: int = 0
    """Reports of warehouses that are still to be made."""
    figures: dict[str, int] | None = None
    outbox: OutboxStatus | None = None


async def provision(database: Database, plans: Sequence[OrderPlan]) -> dict[str, str]:
    """Make every partner that the plans name, and an API key for the ERP and each warehouse; returns the keys."""
    roles = {ERP: Role.ERP, TRANSPORT_PARTNER: Role.TMS, **_roles(plans)}
    keys = {}
    async with database.transaction() as connection:
        await policies.put(connection, FREIGHT)
        for partner, role in roles.items():
            await partners.add(connection, partner, role, partner)
            if role in (Role.ERP, Role.WMS):
                await partners.revoke_keys(connection, partner)
                keys[partner] = await partners.new_key(connection, partner, "demo")
    return keys


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


async def run(stack: LocalStack, wanted: RunPlan, progress: RunProgress, refresh: Callable[[], None]) -> dict[str, Any]:
    """Carry the orders through the stack and return the report."""
    began = time.monotonic()
    plans = [plan(order, wanted.seed) for order in wanted.orders]
    progress.total = len(plans)
    client = await connect(stack.settings.main_temporal)
    async with Database(stack.settings.main_database.url, 4, Seals.of(stack.settings)) as database:
        keys = await provision(database, plans)
        regions = sorted({order.release.region for order in wanted.orders if order.release.site})
        async with database.transaction() as connection:
            await describe(connection, stack, regions)
        found = inventory(wanted.orders, wanted.seed, datetime.now(UTC))
        targets = Targets(stack.urls.gateway, keys[ERP], stack.urls.sims, stack.env[SIM_TOKEN])
        async with Driver(targets) as driver:
            await _report(driver, keys, found.opening)
            await driver.faults(wanted.faults)
            await driver.plan(plans)
            progress.inventory = len(found.events)

            moved = asyncio.Event()

            def warn(_: str) -> None:
                progress.released += 1
                moved.set()
                refresh()

            watching = asyncio.create_task(watch(database, driver, progress, refresh))
            reporting = asyncio.create_task(_happen(driver, keys, found.events, progress, moved))
            refusals = await driver.release([order.release for order in wanted.orders], warn)
            progress.released = len(plans)
            await reporting
            await watching
            facts = _facts(wanted, refusals, dict(stack.restarts), time.monotonic() - began)
            return await build(database, client, driver, facts)


async def _report(driver: Driver, keys: Mapping[str, str], reports: Sequence[InventoryReport]) -> None:
    for site, found in by_site(reports).items():
        await driver.inventory(keys[warehouse_partner(site)], found)


async def _happen(
    driver: Driver,
    keys: Mapping[str, str],
    reports: Sequence[InventoryReport],
    progress: RunProgress,
    moved: asyncio.Event,
) -> None:
    """Warehouses report one thing after the other, steadily while orders are released: `moved` is set after each."""
    for number, it in enumerate(reports):
        while progress.released * len(reports) < number * progress.total:
            moved.clear()
            await moved.wait()
        await _report(driver, keys, [it])
        progress.inventory -= 1


async def watch(database: Database, driver: Driver, progress: RunProgress, refresh: Callable[[], None]) -> None:
    """Look until every partner has said everything and nothing is under way, or nothing moves any more. A database
    that is away is waited for."""
    last_move, last_seen = time.monotonic(), ""
    while time.monotonic() - last_move < STUCK_AFTER_S:
        try:
            async with database.connection() as connection:
                progress.figures = await report.progress(connection)
                settled = await report.settled(connection)
        except OperationalError:
            await asyncio.sleep(LOOK_EVERY_S)
            continue
        progress.outbox = await driver.outbox()
        refresh()
        said = progress.outbox.pending == 0 and progress.inventory == 0
        everything_said = said and progress.released == progress.total
        if settled and everything_said and progress.figures["ended"] == progress.figures["orders"]:
            return
        seen = f"{progress.figures} {progress.outbox} {progress.released}"
        if seen != last_seen:
            last_move, last_seen = time.monotonic(), seen
        await asyncio.sleep(LOOK_EVERY_S)


def _facts(wanted: RunPlan, refusals: list[ReleaseRefusal], restarts: dict[str, int], wall_s: float) -> RunFacts:
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
