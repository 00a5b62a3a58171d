"""Health for supervisors, figures for Prometheus."""

from typing import Any

from fastapi import APIRouter, Request, Response

from dispatch.temporal.calls import refusals
from gateway.http.auth import SupportCaller
from gateway.http.problems import answers_of
from gateway.services import answer, services_of
from store.messaging import inbox
from telemetry.health import Alive, Condition, Readiness
from telemetry.metrics import MEDIA_TYPE

router = APIRouter(tags=["health"])

_OPEN: dict[str, Any] = {"security": []}


@router.get("/health/live", summary="Is the process alive", response_model=Alive, openapi_extra=_OPEN)
async def live() -> Response:
    """Answers as long as the process serves requests."""
    return answer(Alive())


@router.get(
    "/health/ready",
    summary="Can messages be accepted",
    response_model=Readiness,
    responses={503: {"description": "The database is down, or full", "model": Readiness}},
    openapi_extra=_OPEN,
)
async def ready(request: Request) -> Response:
    """200 when messages can be committed, otherwise 503: also when the database answers and its disk is full.

    Messages are accepted without Temporal, so its absence does not matter here.
    """
    found = await services_of(request).health.look()
    return answer(found, 200 if found.database is Condition.UP else 503)


@router.get(
    "/metrics", summary="Figures for Prometheus", response_class=Response, responses=answers_of(401, 403, 429, 503)
)
async def metrics(request: Request, _caller: SupportCaller) -> Response:
    """Requests, latencies, accepted messages, the inbox by state, the connection pool."""
    gateway = services_of(request)
    async with gateway.database.connection() as connection:
        by_state = await inbox.counts(connection)
    return Response(gateway.metrics.exposition(by_state, gateway.database.stats(), refusals), media_type=MEDIA_TYPE)
