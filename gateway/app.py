"""The composition of the gateway: settings and what they lead to become one FastAPI application."""

import gc
import logging

import structlog
import uvicorn
import uvloop
from fastapi import FastAPI

from gateway import problems, tower
from gateway.accept import Accepter
from gateway.auth import Gatekeeper
from gateway.edge import Edge
from gateway.limits import Limits
from gateway.metrics import Metrics
from gateway.ports import Handoff
from gateway.routes import (
    cases,
    commands,
    demand,
    events,
    finance,
    forecasts,
    health,
    inventory,
    master,
    orders,
    pages,
    planning,
    policies,
    procurement,
    promising,
    proposals,
    quarantine,
    releases,
    replenishments,
    webhooks,
)
from gateway.services import Services
from gateway.temporal import LateHandoff
from schemas.settings import Settings, settings
from store.engine import Database

SUBJECTS = (
    events,
    webhooks,
    releases,
    orders,
    commands,
    cases,
    proposals,
    planning,
    promising,
    policies,
    procurement,
    replenishments,
    quarantine,
    inventory,
    demand,
    forecasts,
    master,
    finance,
    health,
    pages,
    tower,
)
SHUTDOWN_GRACE_S = 10
"""How long requests in flight may finish after a stop."""


def create_app(config: Settings, database: Database, handoff: Handoff) -> FastAPI:
    """The application on an open database. Raises ValueError when the master secret is too short."""
    metrics = Metrics()
    # The routes themselves, not included routers: matching through routers costs a tenth of a request.
    table = [route for module in SUBJECTS for route in module.router.routes]
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False, routes=table)
    app.state.gateway = Services(config, database, handoff, Accepter(database), Gatekeeper(database, config), metrics)
    problems.install(app)
    app.add_middleware(Limits, max_body_bytes=config.max_body_bytes)
    app.add_middleware(Edge, metrics=metrics)
    return app


def run() -> None:
    """Serve as the environment says, until a signal stops it."""
    config = settings()
    _log_as_json(config.log_level)
    gc.freeze()  # modules and contracts stay for ever: walking them would stop every request for 90 ms now and then
    uvloop.run(serve(config))


async def serve(config: Settings) -> None:
    """Serve until a signal stops it; requests in flight are finished first. Temporal may come later, or go."""
    async with Database(config.database_url, config.database_pool) as database:
        server = uvicorn.Config(
            create_app(config, database, LateHandoff(config, database)),
            host=config.gateway_host,
            port=config.gateway_port,
            http="httptools",
            lifespan="off",
            access_log=False,
            server_header=False,
            log_level=config.log_level,
            timeout_graceful_shutdown=SHUTDOWN_GRACE_S,
        )
        await uvicorn.Server(server).serve()


def _log_as_json(level: str) -> None:
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.WriteLoggerFactory(),
        cache_logger_on_first_use=True,
    )
