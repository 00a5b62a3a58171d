"""Health for supervisors, figures for Prometheus."""

import asyncio
from enum import StrEnum
from typing import Any

from fastapi import APIRouter, Request, Response
from psycopg import Error

from gateway.auth import SupportCaller
from gateway.metrics import MEDIA_TYPE
from gateway.problems import answers_of
from gateway.services import Services, answer, services_of
from schemas.base import Contract
from store import inbox

router = APIRouter(tags=["health"])

PROBE_TIMEOUT_S = 2.0
_OPEN: dict[str, Any] = {"security": []}


class Condition(StrEnum):
    """Of something that the gateway depends on."""

    UP = "up"
    DOWN = "down"


class Alive(Contract):
    """The process serves requests."""

    status: Condition = Condition.UP


class Readiness(Contract):
    """Ready when the database is up. Messages are accepted without Temporal, so its absence does not matter here."""

    database: Condition
    temporal: Condition


@router.get("/health/live", summary="Is the process alive", response_model=Alive, openapi_extra=_OPEN)
async def live() -> Response:
    """Answers as long as the process serves requests."""
    return answer(Alive())


@router.get(
    "/health/ready",
    summary="Can messages be accepted",
    response_model=Readiness,
    responses={503: {"description": "The database is down", "model": Readiness}},
    openapi_extra=_OPEN,
)
async def ready(request: Request) -> Response:
    """200 when messages can be committed, otherwise 503."""
    gateway = services_of(request)
    database, temporal = await asyncio.gather(_database(gateway), _temporal(gateway))
    return answer(Readiness(database=database, temporal=temporal), 200 if database is Condition.UP else 503)


@router.get(
    "/metrics", summary="Figures for Prometheus", response_class=Response, responses=answers_of(401, 403, 429, 503)
)
async def metrics(request: Request, _caller: SupportCaller) -> Response:
    """Requests, latencies, accepted messages, the inbox by state, the connection pool."""
    gateway = services_of(request)
    async with gateway.database.connection() as connection:
        by_state = await inbox.counts(connection)
    return Response(gateway.metrics.exposition(by_state, gateway.database.stats()), media_type=MEDIA_TYPE)


async def _database(gateway: Services) -> Condition:
    try:
        async with asyncio.timeout(PROBE_TIMEOUT_S):
            await gateway.database.ping()
    except (TimeoutError, OSError, Error):
        return Condition.DOWN
    return Condition.UP


async def _temporal(gateway: Services) -> Condition:
    try:
        async with asyncio.timeout(PROBE_TIMEOUT_S):
            return Condition.UP if await gateway.handoff.healthy() else Condition.DOWN
    except TimeoutError:
        return Condition.DOWN
