"""Orders released at several gateways at once, while stock and supply change and the keeper looks: no packs are
promised twice, at no moment."""

import asyncio
from collections import Counter
from dataclasses import replace
from itertools import count

import httpx
import pytest
from temporalio.client import Client

from activities.inventory.promising import PromisingActivities
from dispatch.handoff import TemporalHandoff
from dispatch.orders.promising import reschedule_command
from dispatch.relay import Relay
from gateway.app import create_app
from store.engine import Database
from store.messaging.wake import Wake
from tests.dispatch.standins import standing_in
from tests.gateway.harness import Gateway, gateway_on
from tests.promising.stocked import ITEM, NOW, expect, incoming, oversold, put_stock, release, reservations

ORDERS, PACKS, RECEIPTS = 24, 10, 5
SITE = "DC1"


async def test_no_packs_are_promised_twice_at_any_gateway(database_url: str, temporal_client: Client) -> None:
    async with gateway_on(database_url) as one, Database(database_url, 6) as pool, standing_in(temporal_client):
        services = one.app.state.gateway
        one.app.state.gateway = replace(services, handoff=TemporalHandoff(temporal_client, one.database))
        other = create_app(services.settings, pool, TemporalHandoff(temporal_client, pool))
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=other), base_url="http://other") as client:
            await all_at_once([one, replace(one, app=other, database=pool, client=client)])
        async with pool.connection() as connection:
            cursor = await connection.execute("SELECT supply_key, sum(packs) AS packs FROM peg GROUP BY 1")
            held = Counter({row["supply_key"]: int(row["packs"]) for row in await cursor.fetchall()})
        assert held == {"": 100 + RECEIPTS * PACKS, "po/erp/1/1": 60, "lead": 30}, "all there is, and every pack once"


class Died(Exception):
    """The gateway's process is gone."""


async def test_a_gateway_that_dies_after_it_has_promised_leaves_the_promise_to_the_relay(
    database_url: str, temporal_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The packs are reserved once, for that order, and the next gets what is left."""

    def dies(*_args: object, **_named: object) -> None:
        raise Died

    async with gateway_on(database_url) as one, standing_in(temporal_client):
        database = one.database
        handoff = TemporalHandoff(temporal_client, database)
        one.app.state.gateway = replace(one.app.state.gateway, handoff=handoff)
        await put_stock(database, "s", 100, site=SITE)
        body = release("DIED", 70, site=SITE).model_dump_json(exclude_none=True).encode()
        with monkeypatch.context() as patched:
            patched.setattr(temporal_client, "start_workflow", dies)
            assert (await one.post("/v1/orders", "erp-one", body)).status_code == 500
        assert await reservations(database) == {f"DIED 1 {SITE}": 70}
        async with database.connection() as connection:
            await connection.execute("UPDATE inbox_message SET not_before = now()")
        await Relay(database, handoff, Wake(database.url, ())).once()
        assert await reservations(database) == {f"DIED 1 {SITE}": 70}
        told = (await one.post("/v1/orders", "erp-one", body)).json()["promise"]
        assert told["reason"].endswith(f"70 from {SITE} now")
        other = release("NEXT", 40, site=SITE).model_dump_json(exclude_none=True).encode()
        answer = (await one.post("/v1/orders", "erp-one", other)).json()["promise"]
        assert f"30 from {SITE} now" in answer["reason"]


async def all_at_once(gateways: list[Gateway]) -> None:
    """Release, receive, re-date supply and look anew, and see at every moment whether too much is promised."""
    database = gateways[0].database
    await put_stock(database, "s", 100, site=SITE)
    await expect(database, incoming("1", 60, 10, site=SITE))
    keeper = PromisingActivities(database, Wake(database.url, ()), reschedule_command)
    over = list[int]()

    async def order(n: int) -> None:
        body = release(f"H{n}", PACKS, site=SITE, priority=1 + n % 5).model_dump_json(exclude_none=True)
        answer = await gateways[n % 2].post("/v1/orders", "erp-one", body.encode())
        assert answer.status_code == 201, answer.text
        assert "by lead time" not in answer.json()["promise"]["reason"]

    async def receive(n: int) -> None:
        report = {"id": f"R{n}", "kind": "receipt", "site": SITE, "item": ITEM, "quantity": PACKS}
        answer = await gateways[n % 2].post(
            "/v1/inventory", "wms-dc1", {"reports": [{**report, "occurred_at": NOW.isoformat()}]}
        )
        assert answer.status_code == 201, answer.text

    async def slip(n: int) -> None:
        await expect(database, incoming("1", 60, 10 + n % 4, site=SITE))

    async def watch() -> None:
        for _ in count():
            over.append(await oversold(database))
            await keeper.look(NOW)

    watching = asyncio.create_task(watch())
    await asyncio.gather(
        *(order(n) for n in range(ORDERS)), *(receive(n) for n in range(RECEIPTS)), *(slip(n) for n in range(8))
    )
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)
    for _ in range(3):
        await keeper.look(NOW)
    assert len(over) > 1
    assert not any(over)
