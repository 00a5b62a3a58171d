"""The composition of the gateway: settings and what they lead to become one FastAPI application."""

import gc

import uvicorn
import uvloop
from fastapi import FastAPI

from dispatch.client import LateHandoff
from dispatch.confirming import Confirmer
from dispatch.partners.live import PartnerRegistry
from dispatch.partners.secrets import SecretReader
from dispatch.ports import Handoff
from dispatch.temporal.connecting import connect_options
from gateway import tower
from gateway.api import (
    cases,
    commands,
    demand,
    events,
    finance,
    forecasts,
    health,
    inventory,
    master,
    notices,
    orders,
    pages,
    partners,
    planning,
    policies,
    procurement,
    promising,
    proposals,
    quarantine,
    reconciling,
    releases,
    replenishments,
    webhooks,
)
from gateway.awaiting import VerdictWaiters
from gateway.http import problems
from gateway.http.auth import Gatekeeper
from gateway.http.connections import Bounds, ConnectionLimits, bounded_server
from gateway.http.inbox_writer import InboxWriter
from gateway.http.limits import Limits
from gateway.http.middleware import RequestMiddleware
from gateway.http.places import Places
from gateway.services import Services
from schemas.settings import Settings, settings
from store.engine import Database
from store.seals import Seals
from telemetry import logging
from telemetry.health import Health
from telemetry.metrics import Metrics

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
    partners,
    procurement,
    replenishments,
    quarantine,
    notices,
    reconciling,
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
"""Seconds for requests in flight to finish after a stop. Longer than any wait for an answer."""


def create_app(config: Settings, database: Database, handoff: Handoff) -> FastAPI:
    """The application on an open database. Raises ValueError when the master secret is too short."""
    metrics = Metrics()
    # The routes themselves, not included routers: matching through routers costs a tenth of a request.
    table = [route for module in SUBJECTS for route in module.router.routes]
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False, routes=table)
    waiting = VerdictWaiters(database, Confirmer(database, handoff.kept))
    releasing = Places(config.releases_at_once, config.release_queue_s)
    health_of = Health(database, handoff.healthy)
    register = Gatekeeper(database, config)
    app.state.gateway = Services(
        config,
        database,
        handoff,
        InboxWriter(database),
        register,
        metrics,
        waiting,
        releasing,
        health_of,
        PartnerRegistry(database),
        SecretReader(config),
    )
    problems.install(app)
    app.add_middleware(Limits, max_body_bytes=config.max_body_bytes)
    app.add_middleware(RequestMiddleware, metrics=metrics)
    return app


def run() -> None:
    """Serve as the environment says, until a signal stops it."""
    config = settings()
    logging.configure(config.log_level, config.log_format)
    connect_options(config.main_temporal)  # what cannot be read ends the process now, not a request later
    gc.freeze()  # modules and contracts stay for ever: walking them would stop every request for 90 ms now and then
    uvloop.run(serve(config))


async def serve(config: Settings) -> None:
    """Serve until a signal stops it; requests in flight are finished first. Temporal may come later, or go."""
    async with Database(config.main_database.url, config.main_database.pool, Seals.of(config)) as database:
        app = create_app(config, database, LateHandoff(config, database))
        bounds = Bounds(
            idle_s=config.idle_s, per_address=config.connections_per_address, connections=config.connections
        )
        limits = ConnectionLimits(bounds, app.state.gateway.metrics.turned_away)
        listening = uvicorn.Config(
            app,
            host=config.gateway_host,
            port=config.gateway_port,
            lifespan="off",
            access_log=False,
            server_header=False,
            log_config=None,
            timeout_graceful_shutdown=SHUTDOWN_GRACE_S,
        )
        async with app.state.gateway.waiting.listening(), app.state.gateway.partners.running():
            await bounded_server(listening, limits).serve()
