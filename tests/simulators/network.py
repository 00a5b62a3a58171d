"""What the tests share: servers on free ports, a gateway that captures, and messages to post."""

import asyncio
import json
from base64 import b64encode
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import uvicorn
from standardwebhooks import Webhook
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from simulators.app import SimConfig, build_server

MASTER_SECRET = "a master secret of at least 32 characters"
TOKEN = "a-token"
AUTHORIZED = {"authorization": f"Bearer {TOKEN}"}
NOON = "2026-03-02T12:00:00Z"


async def until(condition: Callable[[], Awaitable[bool]], timeout_s: float = 20) -> None:
    """Wait for a condition; TimeoutError when it does not come."""
    async with asyncio.timeout(timeout_s):
        while not await condition():
            await asyncio.sleep(0.01)


@asynccontextmanager
async def serving(server: uvicorn.Server) -> AsyncIterator[str]:
    """Run a server as long as the context lasts; gives its URL."""
    task = asyncio.create_task(server.serve())

    async def started() -> bool:
        assert not task.done(), "the server ended"
        return server.started

    await until(started)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        await task


@dataclass(frozen=True)
class Captured:
    """One webhook as the gateway got it."""

    partner: str
    headers: dict[str, str]
    body: bytes

    @property
    def event(self) -> dict[str, Any]:
        """The envelope."""
        parsed: dict[str, Any] = json.loads(self.body)
        return parsed

    @property
    def told(self) -> tuple[str, str]:
        """(partner, event id)."""
        return self.partner, self.event["id"]

    def verify(self, secret: bytes) -> None:
        """Check the signature by the reference implementation. Raises WebhookVerificationError."""
        Webhook(b64encode(secret).decode()).verify(self.body, self.headers)


@dataclass
class Gateway:
    """Captures every webhook. Answers `statuses` first, one a call, then 202."""

    url: str = ""
    captured: list[Captured] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)

    async def receive(self, request: Request) -> Response:
        """The webhook endpoint."""
        body = await request.body()
        self.captured.append(Captured(request.path_params["partner"], dict(request.headers), body))
        return Response(status_code=self.statuses.pop(0) if self.statuses else 202)

    def kinds(self) -> list[str]:
        """Kinds of milestone in the order of arrival."""
        return [message.event["data"]["kind"] for message in self.captured]


@asynccontextmanager
async def capturing() -> AsyncIterator[Gateway]:
    """A gateway on a free port."""
    gateway = Gateway()
    app = Starlette(routes=[Route("/v1/partners/{partner}/webhook", gateway.receive, methods=["POST"])])
    config = uvicorn.Config(app, host="127.0.0.1", port=0, access_log=False, log_level="warning", ws="none")
    async with serving(uvicorn.Server(config)) as url:
        gateway.url = url
        yield gateway


@asynccontextmanager
async def systems(gateway_url: str, seed: int = 7, pace_s: float = 0.002) -> AsyncIterator["Systems"]:
    """The stand-in systems on a free port, and a client that bears their token."""
    config = SimConfig(seed, gateway_url, MASTER_SECRET, TOKEN, pace_s)
    async with (
        serving(build_server(config, 0)) as url,
        httpx.AsyncClient(base_url=url, headers=AUTHORIZED, trust_env=False, timeout=10) as client,
    ):
        yield Systems(client)


@dataclass(frozen=True)
class Systems:
    """Calls that the tests make."""

    client: httpx.AsyncClient

    async def post(self, path: str, body: object, key: str) -> httpx.Response:
        """Post one message of the Syncline REST API under a key."""
        return await self.client.post(path, json=body, headers={"idempotency-key": key})

    async def ledger(self, system: str) -> dict[str, Any]:
        """The ledger of a system."""
        return await self._get(f"/{system}/ledger")

    async def outbox(self) -> dict[str, int]:
        """The state of the webhooks."""
        return await self._get("/webhooks/outbox")

    async def faults(self, system: str, **faults: float) -> None:
        """Switch faults on."""
        response = await self.client.put(f"/{system}/faults", json=faults)
        assert response.status_code == 200, response.text

    async def plan(self, *plans: dict[str, Any]) -> httpx.Response:
        """Register plans."""
        return await self.client.put("/plans", json=list(plans))

    async def instruct(self, order: str = "PO-1", site: str = "RDC-AFR") -> httpx.Response:
        """Instruct the warehouse."""
        return await self.post(f"/wms/{site}/v1/instructions", instruction(order, site), f"{order}/{site}")

    async def tender(self, order: str = "PO-1", **named: object) -> httpx.Response:
        """Tender the transport."""
        return await self.post("/tms/v1/tenders", tender(order, **named), f"{order}/tender")

    async def all_said(self, events: int) -> dict[str, int]:
        """Wait until so many events are decided and nothing is pending."""

        async def done() -> bool:
            status = await self.outbox()
            return status["accepted"] + status["rejected"] >= events and not status["pending"]

        await until(done)
        return await self.outbox()

    async def _get(self, path: str) -> dict[str, Any]:
        response = await self.client.get(path)
        assert response.status_code == 200, response.text
        parsed: dict[str, Any] = response.json()
        return parsed


def milestone(
    order: str = "PO-1", kind: str = "picked", status: str = "picked", shipment: str = "S-1"
) -> dict[str, Any]:
    """An ERP milestone."""
    return {
        "order": order,
        "milestone": kind,
        "order_status": status,
        "shipment": shipment,
        "occurred_at": NOON,
        "lines": [{"line": 1, "quantity": 5}],
    }


def instruction(order: str, site: str) -> dict[str, Any]:
    """A warehouse instruction of one line."""
    return {
        "order": order,
        "site": site,
        "lines": [{"line": 1, "item": "ITEM-1", "quantity": 5}],
        "ship_to": {"id": "CLINIC-9", "country": "ZA"},
        "priority": 3,
        "promised_on": "2026-03-09",
    }


def tender(order: str, **named: object) -> dict[str, Any]:
    """A tender; `named` replaces fields."""
    return {
        "order": order,
        "ship_from": {"id": "ACME-PHARMA", "country": "IN"},
        "ship_to": {"id": "CLINIC-9", "country": "ZA"},
        "packs": 5,
        "promised_on": "2026-03-09",
        **named,
    }


def delta(key: str, kind: str = "shipped", quantity: int = 5) -> dict[str, Any]:
    """A row for planning."""
    return {
        "key": key,
        "item": "ITEM-1",
        "site": "RDC-AFR",
        "day": "2026-03-02",
        "kind": kind,
        "packs": quantity,
    }


def plan(order: str = "PO-1", shipments: int = 1, carrier: str = "carrier-kilo") -> dict[str, Any]:
    """A plan from a distribution centre: picked, packed, shipped, then in transit and delivered."""

    def happens(kind: str, partner: str, hour: int) -> dict[str, str]:
        return {"kind": kind, "partner": partner, "occurred_at": f"2026-03-02T{hour:02}:00:00Z"}

    events = [
        happens("picked", "wms-rdc-afr", 8),
        happens("packed", "wms-rdc-afr", 9),
        happens("shipped", "wms-rdc-afr", 10),
        happens("in_transit", carrier, 12),
        happens("delivered", carrier, 20),
    ]
    parts = [
        {"shipment": f"{order}-S{number}", "lines": [{"line": number, "quantity": 5}], "events": events}
        for number in range(1, shipments + 1)
    ]
    return {"order": order, "erp": "erp-main", "variant": "distribution_centre", "shipments": parts}
