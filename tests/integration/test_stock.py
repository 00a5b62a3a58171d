"""Stock and forecasts with every process: what a warehouse and planning say is in the ERP's own books, once."""

import asyncio
from typing import Any

import httpx

from schemas.base import Role, System
from simulators.driver import Driver, Targets
from simulators.faults import Faults
from simulators.world.network import ERP
from stack.layout import StackOptions, local_stack
from store.engine import Database
from store.messaging import inbox
from store.partners import partners
from tests.faults.losing import detour
from tests.stack.standins import until

SITE, WAREHOUSE, PLANNER = "RDC-EMEA", "wms-rdc-emea", "planner"
ROLES = {ERP: Role.ERP, WAREHOUSE: Role.WMS, PLANNER: Role.PLANNING}
LOSING = Faults(error_500=0.2, partial=0.3)
"""The ERP fails, or carries a call out and its answer is lost."""


def report(number: int, kind: str, quantity: int) -> dict[str, Any]:
    """A report of the warehouse."""
    at = f"2026-05-04T12:{number:02}:00Z"
    return {"id": f"r{number}", "kind": kind, "site": SITE, "item": "A", "quantity": quantity, "occurred_at": at}


def forecast(version: str, day: int, packs: int) -> dict[str, Any]:
    """A version of one week."""
    row = {"item": "A", "site": SITE, "period": "2026-06-01", "packs": packs}
    return {"version": version, "made_at": f"2026-05-{day:02}T12:00:00Z", "bucket": "week", "rows": [row]}


async def test_the_erps_own_books_follow_however_often_it_fails() -> None:
    async with local_stack(StackOptions(ephemeral=True, durable=False, seed=3, detour=detour())) as stack:
        async with Database(stack.settings.main_database.url, 2) as database, database.transaction() as connection:
            for partner, role in ROLES.items():
                await partners.add(connection, partner, role, partner)
            keys = {partner: await partners.new_key(connection, partner, "test") for partner in ROLES}
        targets = Targets(stack.urls.gateway, keys[ERP], stack.urls.sims, stack.env["SYNCLINE_SIM_TOKEN"])
        async with Driver(targets) as driver, httpx.AsyncClient(base_url=stack.urls.gateway, trust_env=False) as api:
            await driver.befall(System.ERP, LOSING)

            async def say(partner: str, path: str, body: dict[str, Any]) -> None:
                answer = await api.post(path, json=body, headers={"Authorization": f"Bearer {keys[partner]}"})
                assert answer.status_code in (201, 202), answer.text

            for number in range(20):
                await say(WAREHOUSE, "/v1/inventory", {"reports": [report(number, "receipt", 5)]})
            for _ in range(2):
                await say(WAREHOUSE, "/v1/inventory", {"reports": [report(30, "damage", 7), report(31, "count", 90)]})

            async def known() -> bool:
                await asyncio.sleep(0.05)
                async with (
                    Database(stack.settings.main_database.url, 2) as database,
                    database.connection() as connection,
                ):
                    return not (await inbox.counts(connection)).get("received")

            await until(known)  # the first reports waited until the ERP had said that it knows the item
            for version in (forecast("v2", 3, 40), forecast("v1", 1, 99), forecast("v3", 4, 40)):
                await say(PLANNER, "/v1/forecasts", version)

            async def follows() -> bool:
                await asyncio.sleep(0.05)
                stock = (await driver.read(System.ERP, f"/{ERP}/v1/stock")).get("figures", [])
                told = (await driver.read(System.ERP, f"/{ERP}/v1/forecasts")).get("rows", [])
                books = {it["place"]: it["packs"] for it in stock}
                return books == {f"on_hand:{SITE}": 90, f"blocked:{SITE}": 7} and [
                    (it["version"], it["packs"]) for it in told
                ] == [("v2", 40)]

            await until(follows)
