"""One process, four systems (`/erp`, `/wms`, `/tms`, `/planning`); `/plans` and `/webhooks/outbox` for the driver."""

import hmac
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import uvicorn
from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from schemas.base import System
from simulators.systems.call_handling import ABORT, CallHandler, answer, problem
from simulators.systems.erp import Erp
from simulators.systems.erp_stock import ErpStock
from simulators.systems.master_data import MasterDataApi
from simulators.systems.planning import Planning
from simulators.systems.purchasing import Proposals, Purchasing
from simulators.systems.stock_books import StockPostings
from simulators.systems.supplying import Suppliers
from simulators.systems.tms import Tms
from simulators.systems.wms import Wms
from simulators.systems.wms_stock import WmsStock
from simulators.webhooks import Outbox, OutboxStatus
from simulators.world.plans import PlanBatch
from simulators.world.world import AlreadyMoving, World

HEALTH = "/health"


@dataclass(frozen=True)
class SimConfig:
    """Settings of the systems. `pace_s`: mean seconds between two milestones of a shipment."""

    seed: int
    gateway_url: str
    master_secret: str = field(repr=False)
    token: str = field(repr=False)
    pace_s: float = 0.05


class TokenRequired:
    """Answers 401 to whoever does not bear the token; only the health check is open."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app = app
        self._expected = f"Bearer {token}".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, or refuse."""
        if scope["type"] == "http" and scope["path"] != HEALTH:
            offered = Headers(scope=scope).get("authorization", "")
            if not hmac.compare_digest(offered.encode(), self._expected):
                await problem(401, "unauthorized", "a valid bearer token is required")(scope, receive, send)
                return
        await self._app(scope, receive, send)


class AbortableProtocol(HttpToolsProtocol):
    """Lets an endpoint close its connection without answering, as a dying system does."""

    def on_message_begin(self) -> None:
        """Put the way to close into the request's scope."""
        super().on_message_begin()
        self.scope["extensions"] = {ABORT: self.transport.abort}  # type: ignore[dict-item]


def build_app(config: SimConfig) -> Starlette:
    """All systems with empty books. Faults that close connections need the server made by `build_server`."""
    stock = WmsStock()
    outbox = Outbox(config.gateway_url, config.master_secret, stock.said)
    erp, wms, tms, planning = (CallHandler(system, config.seed) for system in System)
    suppliers = Suppliers(outbox, stock)
    world = World(config.seed, config.pace_s, outbox, wms.stream, tms.stream)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with outbox:
            yield
            world.close()

    return Starlette(
        routes=[
            Mount("/erp", routes=_erp_routes(erp, suppliers)),
            Mount("/wms", routes=Wms(wms, world, stock).routes()),
            Mount("/tms", routes=Tms(tms, world).routes()),
            Mount("/planning", routes=[*Planning(planning).routes(), *Proposals(planning).routes()]),
            *_driver_routes(world, outbox),
            *suppliers.routes(),
            Route(HEALTH, _health),
        ],
        middleware=[Middleware(TokenRequired, token=config.token)],
        lifespan=lifespan,
    )


def _erp_routes(handler: CallHandler, suppliers: Suppliers) -> list[Route]:
    orders, purchasing, feed = Erp(handler), Purchasing(handler, suppliers.release), StockPostings(handler)
    lists = ErpStock(orders, purchasing, feed)
    parts = (orders, purchasing, feed, lists, MasterDataApi(handler))
    return [route for part in parts for route in part.routes()]


def build_server(config: SimConfig, port: int, host: str = "127.0.0.1") -> uvicorn.Server:
    """The server of the app, ready to be run. Port 0 takes a free one."""
    return uvicorn.Server(
        uvicorn.Config(
            build_app(config),
            host=host,
            port=port,
            http=AbortableProtocol,
            loop="uvloop",
            ws="none",
            access_log=False,
            log_config=None,
            timeout_graceful_shutdown=1,
        )
    )


def _driver_routes(world: World, outbox: Outbox) -> list[Route]:
    async def register(request: Request) -> Response:
        try:
            return answer(world.register(PlanBatch.validate_json(await request.body(), strict=True)))
        except ValidationError as error:
            return problem(422, "plans_invalid", str(error))
        except AlreadyMoving as error:
            return problem(409, "under_way", str(error))

    async def status(_: Request) -> Response:
        return answer(
            OutboxStatus(
                planned=world.tally.planned,
                stopped=world.tally.stopped,
                sent=outbox.sent,
                accepted=outbox.accepted,
                rejected=outbox.rejected,
                pending=world.tally.ahead + outbox.pending,
                messages=outbox.messages,
                attempts=outbox.attempts,
            )
        )

    return [Route("/plans", register, methods=["PUT"]), Route("/webhooks/outbox", status, methods=["GET"])]


async def _health(_: Request) -> Response:
    return JSONResponse({"status": "ok"})
